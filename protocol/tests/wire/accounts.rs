//! One value of every body about people: signing in, accounts, sessions, invites; full, then short.

use crate::samples::{blank_user, body, rows, user};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::*;
use hallway_protocol::rows::Row;

const AT: i64 = 1_795_165_680_123;
const ROOM: RoomId = RoomId(7);

pub fn bodies() -> Vec<String> {
    let some = |text: &str| Some(text.to_owned());
    let session = Session {
        id: "s1".into(),
        access_token: "a".into(),
        expires_in_ms: 900_000,
        now: AT,
        refresh_token: "r".into(),
    };
    let info = ServerInfo {
        name: "Hallway".into(),
        version: "0.1.0".into(),
        registration: Registration::Invite,
        mail: false,
        guests: true,
        epoch: "e".into(),
    };
    let register = Register {
        tenant: some("default"),
        name: "ada".into(),
        display_name: some("Ada"),
        email: some("ada@example.org"),
        password: "correct horse".into(),
        invite: some("CODE"),
        device: some("laptop"),
    };
    let short = Register {
        tenant: None,
        display_name: None,
        email: None,
        invite: None,
        device: None,
        ..register.clone()
    };
    let login = Login {
        tenant: some("default"),
        login: "ada".into(),
        password: "correct horse".into(),
        device: some("laptop"),
        code: some("123456"),
    };
    let invite = Invite {
        id: "i1".into(),
        code: some("CODE"),
        link: some("hallway://h/invite/CODE"),
        uses_left: 1,
        expires_at: Some(AT),
        room: Some(ROOM),
    };
    let patch = ProfilePatch {
        name: some("ada"),
        display_name: some("Ada"),
        status: some(""),
        email: Some(some("ada@example.org")),
        language: some("de"),
    };
    let guest = ComeAsGuest {
        tenant: some("acme"),
        code: some("ABCD2345"),
        room: None,
        // What excludes `code`: of the first example each field's shape is taken.
        name: some("tea"),
        display_name: "Lin".into(),
        device: some("laptop"),
    };
    let account = BecomeAccount {
        name: "lin".into(),
        password: "correct horse".into(),
        email: some("lin@example.org"),
        invite: some("CODE"),
    };
    let Some(Row::Room(room)) = rows().into_iter().find(|row| matches!(row, Row::Room(_))) else {
        panic!("no room among the rows");
    };
    let guest_in =
        |code| GuestIn { user: blank_user(), session: session.clone(), room: room.clone(), code };
    let mail_to = MailTo { tenant: some("acme"), email: "ada@example.org".into() };
    let registered = |session| Registered { user: blank_user(), session, verify_email: false };
    vec![
        body("GET /server", info),
        body("register", register),
        body("register", short),
        body("registered", registered(Some(session.clone()))),
        body("registered", registered(None)),
        body("verify email", VerifyEmail { token: "t".into() }),
        body("mail to", mail_to.clone()),
        body("mail to", MailTo { tenant: None, ..mail_to }),
        body("reset password", ResetPassword { token: "t".into(), password: "new horse".into() }),
        body("guest", guest.clone()),
        body(
            "guest",
            ComeAsGuest {
                tenant: None,
                code: None,
                room: Some(ROOM),
                name: None,
                device: None,
                ..guest.clone()
            },
        ),
        body(
            "guest",
            ComeAsGuest { tenant: None, code: None, device: None, ..guest },
        ),
        body("guest in", guest_in(some("ABCD2345"))),
        body("guest in", guest_in(None)),
        body("account", account.clone()),
        body("account", BecomeAccount { email: None, invite: None, ..account }),
        body("set guests", SetGuests { guests: Some(Guests::Open) }),
        body("set guests", SetGuests::default()),
        body("room guests", RoomGuests { guests: Guests::Code, set: Some(Guests::Open) }),
        body("room guests", RoomGuests { guests: Guests::Off, set: None }),
        body("login", login.clone()),
        body("login", Login { tenant: None, device: None, code: None, ..login }),
        body("totp secret", TotpSecret { secret: "GEZDGNBVGY3TQOJQ".into(), uri: "otpauth://totp/Hallway:ada?secret=GEZDGNBVGY3TQOJQ&issuer=Hallway&algorithm=SHA1&digits=6&period=30".into() }),
        body("totp code", TotpCode { code: "123456".into() }),
        body("recovery", Recovery { recovery: vec!["ABCD-EFGH-2345-JKMN".into()] }),
        body("totp off", TotpOff { password: some("correct horse"), code: some("123456") }),
        body("totp off", TotpOff { password: None, code: None }),
        body("oidc", OidcInfo { name: "Tea Club".into(), start: "https://h/api/v1/auth/oidc/start".into() }),
        body("oidc session", OidcSession { code: "c".into(), verifier: some("v"), factor: some("123456") }),
        body("oidc session", OidcSession { code: "c".into(), verifier: None, factor: None }),
        body("oidc link", OidcLink { code: "c".into(), verifier: some("v"), password: "correct horse".into() }),
        body("oidc link", OidcLink { code: "c".into(), verifier: None, password: "correct horse".into() }),
        body("oidc unlink", OidcUnlink { password: "correct horse".into() }),
        body("signed in", SignedIn { user: user(), session: session.clone(), second_factor_needed: true }),
        body("refresh", Refresh { refresh_token: "r".into() }),
        body("refreshed", Refreshed { session }),
        body("password", ChangePassword { old: "old horse".into(), new: "new horse".into() }),
        body("new invite", NewInvite { uses: Some(5), expires_in_ms: Some(1), room: Some(ROOM) }),
        body("new invite", NewInvite::default()),
        body("invite", invite.clone()),
        body("invite", Invite { code: None, link: None, expires_at: None, room: None, ..invite }),
        body("profile", patch),
        body("profile", ProfilePatch::default()),
        body("close account", CloseAccount { password: "correct horse".into() }),
    ]
}
