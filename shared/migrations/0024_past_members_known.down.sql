update members set past_rev = null, past_at = null, past_view = null where past_rev is not null;
