//! How many files may be open: every socket is one, and many systems begin with 1,024 or less.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Takes as many as the system allows without asking anybody; more than enough is not asked for, because some systems refuse "unlimited".
pub fn raise() {
    const ENOUGH: u64 = 65_536;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard.min(ENOUGH)
    {
        // Where it is refused, what was allowed stays.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(ENOUGH), hard);
    }
}
