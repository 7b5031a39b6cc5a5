-- The second factor: codes by time (RFC 6238) and, for the day the device is lost, codes on paper.

create table totp (
    person integer primary key references users (id), -- whose
    secret text not null,                             -- what the codes are made of, sealed for 'totp:PERSON'
    on_at integer,                                    -- asked for at sign-in since then, Unix milliseconds; null: only offered
    last_step integer not null,                       -- the step of the last code that was taken; none before it is
    wrong integer not null,                           -- wrong codes in a row
    wait_until integer not null                       -- until then no code by time is looked at, Unix milliseconds
) strict;

create table recovery (
    person integer not null references users (id), -- whose
    hash blob not null,                            -- SHA-256 of a code that is good once; used, the row is gone
    primary key (person, hash)
) strict;
