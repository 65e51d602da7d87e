//! One declaration for each route: its handler, whose `utoipa::path` attribute holds method, path and documentation.
//!
//! What serves and what documents are made from it apart, so that a deployed function neither builds nor carries its OpenAPI document.

use axum::routing::MethodFilter;
use utoipa::openapi::HttpMethod;

/// Declares the routes of a function as `module::handler`, and after `for` the state of its handlers:
///
/// ```ignore
/// routes!(for State: history::list, history::get, send::send);
/// ```
///
/// makes `router(state)`, which is served, and `document()`, its part of the OpenAPI document.
macro_rules! routes {
    (for $state:ty: $($module:ident::$handler:ident),+ $(,)?) => {
        /// Every route of this function, ready to serve.
        pub fn router(state: ::std::sync::Arc<$state>) -> ::axum::Router {
            let router = ::axum::Router::new();
            $(let router = ::pastey::paste! {{
                use ::utoipa::Path;
                type Documented = $module::[<__path_ $handler>];
                let methods = $crate::routes::methods(&Documented::methods());
                router.route(&Documented::path(), ::axum::routing::on(methods, $module::$handler))
            }};)+
            router.with_state(state)
        }

        /// What the routes of this function document.
        pub fn document() -> ::utoipa::openapi::OpenApi {
            #[derive(::utoipa::OpenApi)]
            #[openapi(paths($($module::$handler),+))]
            struct Documented;
            <Documented as ::utoipa::OpenApi>::openapi()
        }
    };
}
pub(crate) use routes;

/// The methods that a documented path is served at.
pub(crate) fn methods(documented: &[HttpMethod]) -> MethodFilter {
    let filters = documented.iter().map(|method| match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    });
    filters.reduce(MethodFilter::or).unwrap_or(MethodFilter::GET)
}
