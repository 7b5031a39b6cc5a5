-- Sign-in with the provider that the operator configured. What is known of a person there is
-- (issuer, subject); an address is never enough to be somebody.

create table identities (
    tenant bigint not null references tenants (id), -- whose person
    issuer text collate "C" not null,               -- the provider, as it names itself
    subject text collate "C" not null,              -- its own name for the person
    person bigint not null references users (id),   -- who they are here, also once their account is closed
    linked_at bigint not null,                      -- Unix milliseconds
    primary key (tenant, issuer, subject)
);
create index identities_person on identities (person);

create table oidc_states (
    tenant bigint not null references tenants (id), -- where they want to sign in
    hash bytea not null,                            -- SHA-256 of the state that the browser took along
    browser bytea not null,                         -- SHA-256 of the cookie of the browser that began
    device text collate "C" not null,               -- label of the device that will have the session
    challenge bytea,                                -- SHA-256 of the app's verifier; null: the app had none
    expires_at bigint not null,                     -- from then on it opens nothing, Unix milliseconds
    primary key (tenant, hash)
);
create index oidc_states_expires on oidc_states (expires_at);

create table oidc_codes (
    tenant bigint not null references tenants (id), -- where they want to sign in
    hash bytea not null,                            -- SHA-256 of the code that the app exchanges
    issuer text collate "C" not null,               -- who vouches for them
    subject text collate "C" not null,              -- its name for them
    email text collate "C",                         -- an address it has verified; null: none
    name text collate "C",                          -- as they are called there; null: it does not say
    wanted text collate "C",                        -- the user name they have there; null: it does not say
    device text collate "C" not null,               -- label of the device that will have the session
    challenge bytea,                                -- SHA-256 of the app's verifier; null: the app had none
    expires_at bigint not null,                     -- from then on it opens nothing, Unix milliseconds
    primary key (tenant, hash)
);
create index oidc_codes_expires on oidc_codes (expires_at);
