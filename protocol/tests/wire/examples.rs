//! The examples of the protocol page, copied as they stand. What is elided there (`…`) is filled
//! in when they are read.

const KEY: &str = "01900000-0000-7000-8000-00000000000a";

const ROWS: &str = r#"
{"t":"message","room":7,"seq":812,"rev":812,"n":640,"sender":3,"at":1795165680123,"key":"019…","kind":"text","text":"tea?","reply":801,"thread":790,"files":[{"id":"…","name":"a.png","type":"image/png","size":1234,"width":64,"height":64}],"mentions":[9],"everyone":false,"meta":{},"edited_at":null,"pinned":false,"deleted":false}
{"t":"reaction","room":7,"seq":812,"user":3,"emoji":"👍","on":true,"rev":815}
{"t":"member","room":7,"user":3,"role":"member","joined_seq":1,"left_seq":null,"rev":1}
{"t":"room","room":7,"kind":"channel","name":"kitchen","topic":"","visibility":"public","history":"all","ephemeral":false,"sealed":false,"deleted":false,"rev":2}
{"t":"user","user":3,"name":"ada","display_name":"Ada","avatar":null,"status":"","bot":false,"guest":false,"deleted":false,"rev":4}
{"t":"mine","room":7,"state":"joined","head":815,"read":811,"unread":3,"mentions":1,"unread_mark":false,"notify":"all","muted_until":null,"favourite":false,"draft":null,"rev":55}
{"t":"session","id":"…","device":"laptop","current":true,"last_seen_at":1795165680123,"ended":false,"rev":56}
"#;

const CLIENT: &str = r#"
{"type":"hello","v":1,"token":"…","device":"laptop","epoch":"…","own":54,"rooms":[[7,812],[9,40]],"focus":[7]}
{"type":"send","id":12,"room":7,"key":"019…","text":"tea?","reply":801,"thread":null,"files":[],"meta":{},"clears_draft":true}
{"type":"edit","id":13,"room":7,"key":"…","seq":812,"text":"coffee?"}
{"type":"delete","id":14,"room":7,"key":"…","seq":812}
{"type":"react","id":15,"room":7,"key":"…","seq":812,"emoji":"👍","on":true}
{"type":"pin","id":16,"room":7,"key":"…","seq":812,"on":true}
{"type":"read","id":17,"room":7,"seq":816}
{"type":"mine","id":18,"room":7,"favourite":true}
{"type":"forget","id":19,"room":7,"key":"…"}
{"type":"pull","id":4,"room":7,"since":812,"floor":500,"latest":50}
{"type":"own","id":5,"since":54}
{"type":"heads","id":6}
{"type":"call","id":20,"method":"POST","path":"/rooms","body":{"kind":"group","name":"x"}}
{"type":"typing","room":7}
{"type":"focus","rooms":[7]}
{"type":"watch","users":[3,9]}
{"type":"watch","room":7}
{"type":"presence","state":"away"}
{"type":"ack","rooms":[[7,816]],"own":56}
{"type":"heartbeat"}
"#;

const SERVER: &str = r#"
{"type":"welcome","v":1,"connection":"…","epoch":"…","now":1795165680123,"heartbeat_ms":25000,"own_head":55,"rooms":[{"room":7,"head":815,"base":0,"last_n":643,"read":811,"unread":3,"mentions":1}],"gone":[12],"limits":{}}
{"type":"event","room":7,"seq":816,"rows":[…]}
{"type":"own","id":5,"since":54,"to":56,"done":true,"rows":[…]}
{"type":"users","rows":[…]}
{"type":"bump","rooms":[{"room":9,"head":44,"last_n":40,"read":41,"unread":2,"mentions":0}]}
{"type":"lag","rooms":[[7,900]],"own":60}
{"type":"delta","id":4,"room":7,"since":812,"to":815,"kind":"replay","floor":1,"first":813,"done":true,"rows":[…],"hole":null,"min_seq":1,"head":815,"last_n":643,"read":811,"unread":3,"mentions":1}
{"type":"ok","id":12,"room":7,"seq":816,"again":false,"row":{…}}
{"type":"error","id":12,"code":"rate_limited","message":"…","retry":"later","after_ms":800,"fields":{}}
{"type":"answer","id":20,"status":200,"body":{}}
{"type":"typing","room":7,"user":3}
{"type":"presence","users":[[3,"online"],[9,"away"]]}
{"type":"read","room":7,"marks":[[3,816,816]]}
{"type":"heartbeat","now":1795165705123,"digest":"9f…"}
{"type":"goaway","after_ms":4200,"why":"restart"}
"#;

pub fn rows() -> Vec<String> {
    filled(ROWS)
}

pub fn client_frames() -> Vec<String> {
    filled(CLIENT)
}

pub fn server_frames() -> Vec<String> {
    filled(SERVER)
}

fn filled(lines: &str) -> Vec<String> {
    let key = format!("\"key\":\"{KEY}\"");
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.replace("\"key\":\"019…\"", &key)
                .replace("\"key\":\"…\"", &key)
                .replace("[…]", "[]")
                .replace("{…}", "null")
        })
        .collect()
}
