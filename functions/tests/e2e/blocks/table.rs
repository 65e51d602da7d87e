//! The expected effect of each route and action between two users with a block.

/// Routes, each with its effect:
/// `apart`  tried; the other user receives nothing, and their lists do not change;
/// `room`   the same, except for what all members of a shared room receive;
/// `look`   read; shows neither presence nor read markers of the other user;
/// `own`    concerns only the caller;
/// `rules`  moderation by admins or operators, which a block does not prevent.
pub(super) const ROUTES: &str = r#"
POST   /api/auth/logout                                     | own   |
POST   /api/auth/logout-all                                 | own   |
PUT    /api/auth/password                                   | own   |
GET    /api/auth/sessions                                   | own   |
DELETE /api/auth/sessions/{session_id}                      | own   |
POST   /api/auth/ticket                                     | own   |
GET    /api/users/me                                        | own   |
PATCH  /api/users/me                                        | apart | {"about":"Here I am","settings":{"presence":"everyone"}}
DELETE /api/users/me                                        | own   |
GET    /api/users/me/export                                 | look  |
PUT    /api/users/me/avatar                                 | own   |
DELETE /api/users/me/avatar                                 | own   |
GET    /api/users/{user_id}/avatar                          | own   |
GET    /api/users?q={name}                                  | look  |
GET    /api/users/{user_id:them}                            | look  |
PUT    /api/push/subscription                               | own   |
DELETE /api/push/subscription                               | own   |
GET    /api/user                                            | own   |
GET    /api/user/                                           | own   |
PUT    /api/user                                            | apart | {"about":"Here I am"}
PUT    /api/user/                                           | apart | {"about":"Here I am"}
GET    /api/friends                                         | look  |
DELETE /api/friends/{user_id:them}                          | apart |
GET    /api/friends/requests?direction=out                  | look  |
POST   /api/friends/requests                                | apart | {"user_id":{them}}
POST   /api/friends/requests                                | apart | {"username":"{name}"}
POST   /api/friends/requests/{user_id:them}/accept          | apart |
POST   /api/friends/requests/{user_id:them}/reject          | apart |
DELETE /api/friends/requests/{user_id:them}                 | apart |
GET    /api/blocks                                          | look  |
PUT    /api/blocks/{user_id:them}                           | apart |
DELETE /api/blocks/{user_id:nobody}                         | apart |
GET    /api/rooms?scope=joined                              | look  |
GET    /api/rooms?scope=invited                             | look  |
POST   /api/rooms                                           | apart | {"name":"Again","member_ids":[{them}]}
POST   /api/rooms                                           | apart | {"name":"Again","kind":"public","member_ids":[{them}]}
POST   /api/rooms/create                                    | apart | {"name":"Again","member_ids":[{them}]}
PUT    /api/rooms/direct/{user_id:them}                     | apart |
GET    /api/rooms/{room_id:direct}                          | look  |
PATCH  /api/rooms/{room_id:shared}                          | room  | {"topic":"Something else"}
DELETE /api/rooms/{room_id}                                 | rules |
GET    /api/rooms/{room_id:shared}/members                  | look  |
GET    /api/rooms/{room_id:direct}/members                  | look  |
GET    /api/rooms/{room_id:public}/members                  | look  |
POST   /api/rooms/{room_id:mine}/members                    | apart | {"user_ids":[{them}]}
POST   /api/rooms/{room_id:mine}/members                    | apart | {"usernames":["{name}"]}
POST   /api/rooms/{room_id:left}/members                    | apart | {"user_id":{them}}
PATCH  /api/rooms/{room_id:shared}/members/{user_id:them}   | room  | {"role":"member"}
DELETE /api/rooms/{room_id}/members/{user_id}               | rules |
PUT    /api/rooms/{room_id}/bans/{user_id}                  | rules |
DELETE /api/rooms/{room_id}/bans/{user_id}                  | rules |
PUT    /api/rooms/{room_id:shared}/mute                     | apart | {"until":null}
GET    /api/rooms/{room_id}/avatar                          | own   |
GET    /api/rooms/{room_id:mine}/invites                    | look  |
POST   /api/rooms/{room_id:mine}/invites                    | apart | {}
DELETE /api/rooms/{room_id}/invites/{code}                  | own   |
GET    /api/rooms/{room_id:mine}/invitations                | look  |
DELETE /api/rooms/{room_id:mine}/invitations/{user_id:them} | apart |
DELETE /api/rooms/{room_id:mine}/invitation                 | apart |
GET    /api/rooms/{room_id}/reports                         | own   |
POST   /api/rooms/{room_id}/reports/{report_id}/close       | own   |
POST   /api/rooms/{room_id:shared}/messages/{seq:theirs}/report | apart | {"reason":"Rude"}
POST   /api/rooms/{room_id:public}/join                     | room  | {}
POST   /api/rooms/{room_id:direct}/leave                    | apart | {}
GET    /api/rooms/{room_id:direct}/messages                 | look  |
GET    /api/rooms/{room_id:shared}/messages                 | look  |
POST   /api/rooms/{room_id:direct}/messages                 | apart | {"content":"Do you hear me?"}
POST   /api/rooms/{room_id:shared}/messages                 | room  | {"content":"@{name}, do you hear me?"}
GET    /api/rooms/{room_id:shared}/messages/{seq:mine}      | look  |
PATCH  /api/rooms/{room_id:shared}/messages/{seq:mine}      | room  | {"content":"@{name}!"}
GET    /api/rooms/{room_id:shared}/messages/{seq:mine}/edits | look |
PUT    /api/rooms/{room_id:shared}/messages/{seq:theirs}/reactions | room | {"emoji":"👎"}
PUT    /api/rooms/{room_id:direct}/messages/{seq:theirs}/reactions | apart | {"emoji":"👎"}
GET    /api/rooms/{room_id:shared}/messages/{seq:theirs}/reactions | look |
DELETE /api/rooms/{room_id:shared}/messages/{seq:theirs}/reactions?emoji=%F0%9F%91%8E | room |
PUT    /api/rooms/{room_id:shared}/messages/{seq:theirs}/pin | room |
GET    /api/rooms/{room_id:shared}/pins                     | look  |
DELETE /api/rooms/{room_id:shared}/messages/{seq:theirs}/pin | room |
PUT    /api/rooms/{room_id:direct}/messages/{seq:theirs}/pin | apart |
PUT    /api/rooms/{room_id:shared}/read                     | apart | {"seq":2}
PUT    /api/rooms/{room_id:direct}/read                     | apart | {"seq":2}
PUT    /api/rooms/{room_id:public}/read                     | apart | {"seq":2}
PUT    /api/rooms/{room_id:shared}/delivered                | apart | {"seq":3}
GET    /api/rooms/{room_id:shared}/messages/{seq:mine}/receipts | look |
GET    /api/rooms/{room_id:direct}/messages/{seq:mine}/receipts | look |
GET    /api/rooms/{room_id:shared}/sync?rev=0               | look  |
GET    /api/rooms/{room_id:direct}/sync?rev=0               | look  |
GET    /api/rooms/{room_id:public}/sync?rev=0               | look  |
GET    /api/sync                                            | look  |
GET    /api/unread                                          | look  |
GET    /api/search?q=hello                                  | look  |
GET    /api/messages?roomId={room_id:direct}                | look  |
GET    /api/messages/{conversationId:direct}                | look  |
GET    /api/messages/member?conversationId={room_id:shared} | look  |
GET    /api/messages/member?conversationId={room_id:direct} | look  |
GET    /api/messages/read/{messageId:mine}                  | look  |
PUT    /api/messages/unsent/{messageId:mine}                | room  |
POST   /api/messages/send                                   | apart | {"receiver_id":{them},"message":"Do you hear me?"}
POST   /api/messages/send                                   | room  | {"conversation_id":{shared},"message":"@{name}, do you hear me?"}
POST   /api/participant/{conversationId:mine}               | apart | {"user_id":{them}}
POST   /api/uploads                                         | own   |
POST   /api/uploads/{upload_id}/complete                    | own   |
GET    /api/uploads/{upload_id}                             | own   |
DELETE /api/uploads/{upload_id}                             | own   |
GET    /api/reports/{report_id}                             | rules |
GET    /api/reports/{report_id}/attachments/{upload_id}     | rules |
GET    /api/uploads/{upload_id}/content                     | own   |
GET    /api/uploads/{upload_id}/thumbnail                   | own   |
DELETE /api/rooms/{room_id:shared}/messages/{seq:third}?for=me  | apart |
DELETE /api/rooms/direct/{user_id:them}                     | apart |
GET    /api/admin/users                                     | rules |
GET    /api/admin/users/{user_id}                           | rules |
POST   /api/admin/users/{user_id}/disable                   | rules |
POST   /api/admin/users/{user_id}/enable                    | rules |
DELETE /api/admin/users/{user_id}/sessions                  | rules |
PUT    /api/admin/users/{user_id}/role                      | rules |
DELETE /api/admin/users/{user_id}                           | rules |
GET    /api/admin/reports                                   | rules |
POST   /api/admin/reports/{report_id}/close                 | rules |
GET    /api/admin/rooms                                     | rules |
GET    /api/admin/rooms/{room_id}                           | rules |
PATCH  /api/admin/rooms/{room_id}                           | rules |
DELETE /api/admin/rooms/{room_id}                           | rules |
GET    /api/admin/audit                                     | rules |
"#;

/// The same for actions of the socket.
pub(super) const ACTIONS: &str = r#"
{"action":"hello","rooms":{"{shared}":0,"{direct}":0}}                            | look
{"action":"ping","since":1}                                                       | look
{"action":"sync","room_id":{shared},"rev":0}                                      | look
{"action":"sync","room_id":{direct},"rev":0}                                      | look
{"action":"send","room_id":{shared},"content":"@{name}, do you hear me now?"}     | room
{"action":"send","room_id":{direct},"content":"Do you hear me now?"}              | apart
{"action":"edit","room_id":{shared},"seq":{seq:last},"content":"@{name}?"}        | room
{"action":"react","room_id":{shared},"seq":{seq:theirs},"emoji":"👎"}             | room
{"action":"unreact","room_id":{shared},"seq":{seq:theirs},"emoji":"👎"}           | room
{"action":"unsend","room_id":{shared},"seq":{seq:last}}                           | room
{"action":"typing","room_id":{shared},"active":true}                              | apart
{"action":"typing","room_id":{direct},"active":true}                              | apart
{"action":"typing","room_id":{public},"active":true}                              | apart
{"action":"read","room_id":{shared},"seq":9}                                      | apart
{"action":"read","room_id":{direct},"seq":9}                                      | apart
{"action":"delivered","room_id":{public},"seq":9}                                 | apart
{"action":"join","room_id":{public}}                                              | room
{"action":"leave","room_id":{public}}                                             | room
{"action":"renew","token":"x"}                                                    | own
{"type":"message","data":{"room_id":"room-{shared}","content":"@{name}, and now?"}} | room
"#;
