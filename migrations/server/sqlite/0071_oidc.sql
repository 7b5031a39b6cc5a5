-- Sign-in with the provider that the operator configured. What is known of a person there is
-- (issuer, subject); an address is never enough to be somebody.

create table identities (
    tenant integer not null references tenants (id), -- whose person
    issuer text not null,                            -- the provider, as it names itself
    subject text not null,                           -- its own name for the person
    person integer not null references users (id),   -- who they are here, also once their account is closed
    linked_at integer not null,                      -- Unix milliseconds
    primary key (tenant, issuer, subject)
) strict;
create index identities_person on identities (person);

create table oidc_states (
    tenant integer not null references tenants (id), -- where they want to sign in
    hash blob not null,                              -- SHA-256 of the state that the browser took along
    browser blob not null,                           -- SHA-256 of the cookie of the browser that began
    device text not null,                            -- label of the device that will have the session
    challenge blob,                                  -- SHA-256 of the app's verifier; null: the app had none
    expires_at integer not null,                     -- from then on it opens nothing, Unix milliseconds
    primary key (tenant, hash)
) strict;
create index oidc_states_expires on oidc_states (expires_at);

create table oidc_codes (
    tenant integer not null references tenants (id), -- where they want to sign in
    hash blob not null,                              -- SHA-256 of the code that the app exchanges
    issuer text not null,                            -- who vouches for them
    subject text not null,                           -- its name for them
    email text,                                      -- an address it has verified; null: none
    name text,                                       -- as they are called there; null: it does not say
    wanted text,                                     -- the user name they have there; null: it does not say
    device text not null,                            -- label of the device that will have the session
    challenge blob,                                  -- SHA-256 of the app's verifier; null: the app had none
    expires_at integer not null,                     -- from then on it opens nothing, Unix milliseconds
    primary key (tenant, hash)
) strict;
create index oidc_codes_expires on oidc_codes (expires_at);
