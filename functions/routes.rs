//! Declares each route once: by its handler, whose `utoipa::path` attribute has method, path and documentation.
//!
//! Router and document are generated separately, so that a deployed function does not contain its OpenAPI document.

use axum::routing::MethodFilter;
use utoipa::openapi::HttpMethod;

/// Declares the routes of a function as `module::handler`, and the state type of its handlers:
///
/// ```ignore
/// routes!(for State: history::list, history::get, send::send);
/// ```
///
/// Generates `router(state)`, and `document()` with the function's part of the OpenAPI document.
macro_rules! routes {
    (for $state:ty: $($module:ident::$handler:ident),+ $(,)?) => {
        /// Builds the router of this function.
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

        /// Builds the OpenAPI document of this function.
        pub fn document() -> ::utoipa::openapi::OpenApi {
            #[derive(::utoipa::OpenApi)]
            #[openapi(paths($($module::$handler),+))]
            struct Documented;
            <Documented as ::utoipa::OpenApi>::openapi()
        }
    };
}
pub(crate) use routes;

/// Converts the methods of a documented path.
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
