-- Mail: addresses that wait to be verified, and what is sent. A link's token is derived from the id
-- of its row and the server's secret; the row keeps its hash alone.

alter table users add column email_next text collate "C";                     -- mail address that takes effect once it is verified
alter table users add column email_next_folded text collate "C";              -- the same, folded; several may wait for one address
alter table users add column unverified_hour bigint;                          -- may not sign in before email_next is verified, since that hour the server has run; null: may
alter table users add column language text collate "C" not null default 'en'; -- of mails: two or three letters
create index users_email_next on users (tenant, email_next_folded) where email_next is not null;
create index users_unverified on users (unverified_hour) where unverified_hour is not null;

create table mails (
    id text collate "C" primary key,                -- random
    tenant bigint not null references tenants (id), -- whose mail it is
    person bigint references users (id),            -- to whom; null: to nobody, and none is sent
    kind text collate "C" not null,                 -- 'verify', 'reset', 'known', 'address', 'password'
    address text collate "C" not null,              -- where to
    language text collate "C" not null,             -- in which language
    hash bytea,                                     -- SHA-256 of the token in its link; null: has no link
    made_at bigint not null,                        -- Unix milliseconds
    expires_at bigint not null,                     -- from then on its link opens nothing, and it is not sent
    used_at bigint                                  -- when its token was used up
);
create index mails_hash on mails (hash);
create index mails_person on mails (person);
create index mails_expires on mails (expires_at);
