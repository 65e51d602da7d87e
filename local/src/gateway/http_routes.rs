//! Route selection of an HTTP API: the most specific route wins; full matches before greedy ones, `$default` last.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::stack::HttpRoute;

/// The routes of one API, most specific first.
pub(super) struct Routes(Vec<Route>);

/// A parsed route.
pub(super) struct Route {
    /// `GET /rooms/{room_id}`, or `$default`.
    pub(super) key: String,
    /// Logical id of the function.
    pub(super) function: String,
    /// `None` matches any method.
    method: Option<Method>,
    /// `None` is the `$default` route.
    segments: Option<Vec<Segment>>,
}

enum Segment {
    Static(String),
    Variable(String),
    Greedy(String),
}

/// Decoded path parameters by name.
pub(super) type Parameters<'a> = Vec<(&'a str, String)>;

impl Routes {
    pub(super) fn new(routes: &[HttpRoute]) -> Self {
        let mut routes: Vec<Route> = routes.iter().map(Route::new).collect();
        routes.sort_by_key(Route::rank);
        Self(routes)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<(&Route, Parameters<'_>)> {
        let takes = |route: &&Route| route.method.as_ref().is_none_or(|own| own == method);
        self.0.iter().filter(takes).find_map(|route| Some((route, route.matches(path)?)))
    }
}

impl Route {
    fn new(route: &HttpRoute) -> Self {
        let method = Some(route.method.as_str()).filter(|method| *method != "ANY");
        let default = route.path == "$default";
        Self {
            key: if default { route.path.clone() } else { format!("{} {}", route.method, route.path) },
            function: route.function.clone(),
            method: method.and_then(|method| method.parse().ok()),
            segments: (!default).then(|| split(&route.path).map(Segment::new).collect()),
        }
    }

    /// Sort key; lower is more specific.
    fn rank(&self) -> (u8, Vec<u8>, bool) {
        let Some(segments) = &self.segments else { return (2, Vec::new(), self.method.is_none()) };
        let kinds: Vec<u8> = segments.iter().map(Segment::rank).collect();
        (u8::from(kinds.contains(&2)), kinds, self.method.is_none())
    }

    fn matches(&self, path: &str) -> Option<Parameters<'_>> {
        let mut parameters = Vec::new();
        let Some(segments) = &self.segments else { return Some(parameters) };
        let mut rest = path.strip_prefix('/');
        for segment in segments {
            // A greedy variable also matches an empty rest.
            if let (Segment::Greedy(name), Some(all)) = (segment, rest) {
                parameters.push((name.as_str(), decoded(all)));
                return Some(parameters);
            }
            let (first, tail) = match rest?.split_once('/') {
                Some((first, tail)) => (first, Some(tail)),
                None => (rest?, None),
            };
            match segment {
                Segment::Static(text) if *text == percent_decode_str(first).decode_utf8_lossy() => {}
                Segment::Variable(name) if !first.is_empty() => parameters.push((name.as_str(), decoded(first))),
                Segment::Static(_) | Segment::Variable(_) | Segment::Greedy(_) => return None,
            }
            rest = tail;
        }
        rest.is_none().then_some(parameters)
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Self::Static(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Self::Variable(name.to_owned()),
                Some(name) => Self::Greedy(name.to_owned()),
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Static(_) => 0,
            Self::Variable(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

fn split(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Routes;
    use crate::stack::HttpRoute;
    use http::Method;

    fn key(method: &Method, path: &str) -> Option<String> {
        let declared = [
            ("ANY", "$default"),
            ("ANY", "/{proxy+}"),
            ("GET", "/rooms/{id}"),
            ("ANY", "/rooms/{id}"),
            ("GET", "/rooms/mine"),
            ("GET", "/rooms/{id}/{rest+}"),
            ("GET", "/rooms"),
            ("GET", "/rooms/mine/{proxy+}"),
            ("GET", "/"),
        ];
        let declared: Vec<HttpRoute> = declared
            .iter()
            .map(|(method, path)| HttpRoute { method: (*method).into(), path: (*path).into(), function: "F".into() })
            .collect();
        Routes::new(&declared).find(method, path).map(|(route, _)| route.key.clone())
    }

    #[test]
    fn the_most_specific_route_wins() {
        let get = |path| key(&Method::GET, path).unwrap_or_default();
        assert_eq!(get("/rooms/mine"), "GET /rooms/mine");
        assert_eq!(get("/rooms/7"), "GET /rooms/{id}");
        assert_eq!(get("/rooms/7/a/b"), "GET /rooms/{id}/{rest+}");
        assert_eq!(get("/rooms"), "GET /rooms");
        assert_eq!(get("/rooms/"), "ANY /{proxy+}");
        assert_eq!(get("/rooms/mine/"), "GET /rooms/mine/{proxy+}");
        assert_eq!(get("/users"), "ANY /{proxy+}");
        assert_eq!(get("/"), "GET /");
        assert_eq!(key(&Method::POST, "/rooms/mine").as_deref(), Some("ANY /rooms/{id}"));
        assert_eq!(key(&Method::POST, "/").as_deref(), Some("ANY /{proxy+}"));
    }

    #[test]
    fn a_variable_is_decoded_and_never_empty() {
        let routes = Routes::new(&[HttpRoute { method: "GET".into(), path: "/a/{x}".into(), function: "F".into() }]);
        let found = routes.find(&Method::GET, "/a/b%20c%2Fd").map(|(_, parameters)| parameters);
        assert_eq!(found, Some(vec![("x", "b c/d".to_owned())]));
        assert!(routes.find(&Method::GET, "/a/").is_none());
        assert!(routes.find(&Method::GET, "/a/b/").is_none());
        assert!(routes.find(&Method::GET, "*").is_none());
    }
}
