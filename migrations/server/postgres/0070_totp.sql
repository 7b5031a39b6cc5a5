-- The second factor: codes by time (RFC 6238) and, for the day the device is lost, codes on paper.

create table totp (
    person bigint primary key references users (id), -- whose
    secret text collate "C" not null,                -- what the codes are made of, sealed for 'totp:PERSON'
    on_at bigint,                                    -- asked for at sign-in since then, Unix milliseconds; null: only offered
    last_step bigint not null,                       -- the step of the last code that was taken; none before it is
    wrong bigint not null,                           -- wrong codes in a row
    wait_until bigint not null                       -- until then no code by time is looked at, Unix milliseconds
);

create table recovery (
    person bigint not null references users (id), -- whose
    hash bytea not null,                          -- SHA-256 of a code that is good once; used, the row is gone
    primary key (person, hash)
);
