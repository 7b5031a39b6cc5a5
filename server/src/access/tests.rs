//! The table of who may, and what the state of a room and of a member adds to it.

use super::*;
use hallway_protocol::ids::{RoomId, TenantId, UserId};

const ACTS: [Act; 24] = [
    Act::See,
    Act::Join,
    Act::JoinByCode,
    Act::Mine,
    Act::Receipts,
    Act::Post,
    Act::React,
    Act::DeleteOwn,
    Act::DeleteOther,
    Act::Pin,
    Act::Rename,
    Act::Code,
    Act::Add,
    Act::Remove(Role::Member),
    Act::Remove(Role::Admin),
    Act::Remove(Role::Owner),
    Act::Mute(Role::Member),
    Act::Mute(Role::Admin),
    Act::Mute(Role::Owner),
    Act::Roles,
    Act::Pace,
    Act::Archive,
    Act::Settings,
    Act::Destroy,
];

fn room(kind: RoomKind, visibility: Visibility) -> Facts {
    Facts {
        id: RoomId(7),
        tenant: TenantId(1),
        kind,
        visibility,
        history: History::All,
        head: 9,
        last_n: 4,
        hidden: 0,
        deleted: false,
        announce: false,
        slow_seconds: 0,
        archived: false,
        kept_from: 1,
        size: 3,
    }
}

fn me(role: TenantRole, guest: bool) -> Me {
    Me { tenant: TenantId(1), user: UserId(3), role, guest, session: String::new() }
}

/// One letter an act, in the order of [`ACTS`]: `y`es, `f`orbidden, `n`ot found, `c`onflict.
fn row(me: &Me, role: Option<Role>, room: &Facts) -> String {
    answers(me, role.map(|role| Seat { role, muted: false }), room)
}

fn answers(me: &Me, seat: Option<Seat>, room: &Facts) -> String {
    let letter = |act| match decide(me, seat, act, room) {
        Ok(()) => 'y',
        Err(StoreError::Forbidden(_)) => 'f',
        Err(StoreError::NotFound(_)) => 'n',
        Err(StoreError::Conflict(_)) => 'c',
        Err(other) => panic!("{other}"),
    };
    ACTS.into_iter().map(letter).collect()
}

#[test]
fn the_table_is_that_of_the_protocol() {
    let (person, guest) = (me(TenantRole::Member, false), me(TenantRole::Member, true));
    let admin = me(TenantRole::Admin, false);
    let group = room(RoomKind::Group, Visibility::Private);
    let channel = room(RoomKind::Channel, Visibility::Public);
    let direct = room(RoomKind::Direct, Visibility::Private);
    let cases = [
        ("member", &person, Some(Role::Member), &group, "yyyyyyyyffffffffffffffff"),
        ("admin", &person, Some(Role::Admin), &group, "yyyyyyyyyyyyyyffyfffyyff"),
        ("owner", &person, Some(Role::Owner), &group, "yyyyyyyyyyyyyyyfyyfyyyyy"),
        ("guest", &guest, Some(Role::Member), &group, "yfyyyyyyffffffffffffffff"),
        ("stranger", &person, None, &group, "nnynnnnnnnnnnnnnnnnnnnnn"),
        ("stranger in a public room", &person, None, &channel, "yyyfffffffffffffffffffff"),
        ("guest beside a public room", &guest, None, &channel, "nnnnnnnnnnnnnnnnnnnnnnnn"),
        ("tenant admin, private room", &admin, None, &group, "nnynnnnnynnnnyyynnnnnnny"),
        ("tenant admin, public room", &admin, None, &channel, "yyyfyfffyyyyyyyyyyyyyyyy"),
        ("one of a direct room", &person, Some(Role::Member), &direct, "yfnyyyyyfyffffffffffffff"),
        ("tenant admin, direct room", &admin, None, &direct, "nnnnnnnnnnnnnnnnnnnnnnnn"),
    ];
    for (who, me, role, room, expected) in cases {
        assert_eq!(row(me, role, room), expected, "{who}");
    }
}

#[test]
fn a_muted_member_reads_and_says_nothing() {
    let person = me(TenantRole::Member, false);
    let group = room(RoomKind::Group, Visibility::Private);
    let muted = |role| answers(&person, Some(Seat { role, muted: true }), &group);
    assert_eq!(muted(Role::Member), "yyyyyffyffffffffffffffff");
    assert_eq!(muted(Role::Admin), "yyyyyffyyyyyyyffyfffyyff");
}

#[test]
fn where_admins_alone_post_the_others_react() {
    let person = me(TenantRole::Member, false);
    let mut group = room(RoomKind::Group, Visibility::Private);
    group.announce = true;
    assert_eq!(row(&person, Some(Role::Member), &group), "yyyyyfyyffffffffffffffff");
    assert_eq!(row(&person, Some(Role::Admin), &group), "yyyyyyyyyyyyyyffyfffyyff");
    // Whoever runs the tenant posts where they are a member, as an owner does.
    let mut channel = room(RoomKind::Channel, Visibility::Public);
    channel.announce = true;
    let operator = me(TenantRole::Admin, false);
    assert!(row(&operator, Some(Role::Member), &channel).starts_with("yyyyyyyy"));
    assert!(row(&operator, None, &channel).starts_with("yyyfyfff"));
}

#[test]
fn what_was_put_away_is_read_cleaned_up_and_brought_back() {
    let person = me(TenantRole::Member, false);
    let mut group = room(RoomKind::Group, Visibility::Private);
    group.archived = true;
    assert_eq!(row(&person, Some(Role::Member), &group), "yyyyyccyffffffffffffffff");
    assert_eq!(row(&person, Some(Role::Owner), &group), "yyyyyccyyccccyyfccfccyyy");
    assert_eq!(row(&person, None, &group), "nncnnnnnnnnnnnnnnnnnnnnn");
    let mut channel = room(RoomKind::Channel, Visibility::Public);
    channel.archived = true;
    assert_eq!(row(&person, None, &channel), "yccfffffffffffffffffffff");
}

#[test]
fn a_key_opens_what_its_scopes_name() {
    let rules = [
        Rule::Anyone,
        Rule::Person,
        Rule::Reads,
        Rule::Operator,
        Rule::Oversees,
        Rule::Runs,
        Rule::Backend(Scope::Act),
        Rule::Backend(Scope::Write),
        Rule::Room(Act::See),
        Rule::Room(Act::Post),
    ];
    let row = |scope: &[Scope], acts: bool| -> String {
        let letter = |rule| if key_may(scope, rule, acts).is_ok() { 'y' } else { 'n' };
        rules.into_iter().map(letter).collect()
    };
    let cases = [
        (Scope::Read, "nnynnnnnyn", "nnnnnnnnnn"),
        (Scope::Write, "nnnnnnnynn", "nnnnnnnynn"),
        (Scope::Act, "nnnnnnynnn", "yyyyynynyy"),
        (Scope::Admin, "nnnnyynnnn", "nnnnnynnnn"),
    ];
    for (scope, alone, acting) in cases {
        assert_eq!(row(&[scope], false), alone, "{scope:?}");
        assert_eq!(row(&[scope], true), acting, "{scope:?} for a person");
    }
    assert_eq!(row(&[], true), "n".repeat(rules.len()));
}

#[test]
fn another_tenant_and_a_deleted_room_do_not_exist() {
    let mut channel = room(RoomKind::Channel, Visibility::Public);
    channel.tenant = TenantId(2);
    let owner = me(TenantRole::Owner, false);
    assert_eq!(row(&owner, Some(Role::Owner), &channel), "n".repeat(ACTS.len()));
    channel.tenant = TenantId(1);
    channel.deleted = true;
    assert_eq!(row(&owner, Some(Role::Owner), &channel), "n".repeat(ACTS.len()));
}

#[test]
fn what_is_seen_begins_with_joining_where_the_room_says_so() {
    let mut group = room(RoomKind::Group, Visibility::Private);
    assert_eq!(standing(Some((Role::Member, 5)), &group).min_seq, 1);
    group.history = History::Joined;
    assert_eq!(standing(Some((Role::Member, 5)), &group).min_seq, 5);
    assert_eq!(standing(None, &group).min_seq, 10);
}

#[test]
fn what_has_expired_is_there_for_nobody() {
    let mut group = room(RoomKind::Group, Visibility::Private);
    group.kept_from = 4;
    assert_eq!(standing(Some((Role::Owner, 1)), &group).min_seq, 4);
    assert_eq!(standing(None, &group).min_seq, 4);
    group.history = History::Joined;
    assert_eq!(standing(Some((Role::Member, 3)), &group).min_seq, 4);
    assert_eq!(standing(Some((Role::Member, 5)), &group).min_seq, 5);
}
