//! Permissions: one line per route and action. A route without a line fails the test, and so does a line without a route.
//!
//! Placeholders name the owner of a resource: `{seq:owner}` is a message of the owner, `{user_id:guest}` a passive member.

/// Routes of a room. Columns, for a group and then for a public room:
/// anonymous, stranger, invited, left, banned, member, admin, owner. An invited user has `{code}`; other outsiders guess one.
pub(super) const OF_ROOMS: &str = r#"
GET    /api/rooms/{room_id}                                  | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
PATCH  /api/rooms/{room_id}                                  | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 | {"name":"Lunch"}
DELETE /api/rooms/{room_id}                                  | 401 404 404 404 404 403 403 204 | 401 403 403 403 404 403 403 204 |
PUT    /api/rooms/{room_id}/mute                             | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 | {"until":null}
POST   /api/rooms/{room_id}/join                             | 401 404 404 404 404 200 200 200 | 401 200 200 200 403 200 200 200 |
POST   /api/rooms/{room_id}/join                             | 401 404 200 404 404 200 200 200 | 401 200 200 200 403 200 200 200 | {"invite":"{code}"}
POST   /api/rooms/{room_id}/leave                            | 401 404 404 404 404 204 204 409 | 401 403 403 403 404 204 204 409 |
GET    /api/rooms/{room_id}/avatar                           | 401 404 404 404 404 302 302 302 | 401 302 302 302 404 302 302 302 |
GET    /api/rooms/{room_id}/members                          | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
POST   /api/rooms/{room_id}/members                          | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 | {"user_ids":[{user_id:left}]}
PATCH  /api/rooms/{room_id}/members/{user_id:guest}          | 401 404 404 404 404 403 403 200 | 401 403 403 403 404 403 403 200 | {"role":"admin"}
PATCH  /api/rooms/{room_id}/members/{user_id:admin}          | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 | {"role":"member"}
PATCH  /api/rooms/{room_id}/members/{user_id:member}         | 401 404 404 404 404 403 403 200 | 401 403 403 403 404 403 403 200 | {"role":"owner"}
DELETE /api/rooms/{room_id}/members/{user_id:guest}          | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
DELETE /api/rooms/{room_id}/members/{user_id:admin}          | 401 404 404 404 404 403 403 204 | 401 403 403 403 404 403 403 204 |
DELETE /api/rooms/{room_id}/members/{user_id:owner}          | 401 404 404 404 404 403 403 403 | 401 403 403 403 404 403 403 403 |
PUT    /api/rooms/{room_id}/bans/{user_id:guest}             | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
PUT    /api/rooms/{room_id}/bans/{user_id:owner}             | 401 404 404 404 404 403 403 403 | 401 403 403 403 404 403 403 403 |
DELETE /api/rooms/{room_id}/bans/{user_id:banned}            | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
POST   /api/rooms/{room_id}/invites                          | 401 404 404 404 404 403 201 201 | 401 403 403 403 404 403 201 201 | {"uses":1}
GET    /api/rooms/{room_id}/invites                          | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
DELETE /api/rooms/{room_id}/invites/{code}                   | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
GET    /api/rooms/{room_id}/invitations                      | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
DELETE /api/rooms/{room_id}/invitations/{user_id:pending}    | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
DELETE /api/rooms/{room_id}/invitation                       | 401 404 404 404 404 404 404 404 | 401 404 404 404 404 404 404 404 |
GET    /api/rooms/{room_id}/messages                         | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
POST   /api/rooms/{room_id}/messages                         | 401 404 404 404 404 201 201 201 | 401 201 201 201 404 201 201 201 | {"content":"Hello"}
GET    /api/rooms/{room_id}/messages/{seq:member}            | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
PATCH  /api/rooms/{room_id}/messages/{seq:member}            | 401 404 404 404 404 200 403 403 | 401 403 403 403 404 200 403 403 | {"content":"Ho"}
DELETE /api/rooms/{room_id}/messages/{seq:member}?for=all    | 401 404 404 404 404 204 204 204 | 401 403 403 403 404 204 204 204 |
DELETE /api/rooms/{room_id}/messages/{seq:owner}?for=all     | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
DELETE /api/rooms/{room_id}/messages/{seq:member}?for=me     | 401 404 404 404 404 204 204 204 | 401 204 204 204 404 204 204 204 |
GET    /api/rooms/{room_id}/messages/{seq:member}/edits      | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
PUT    /api/rooms/{room_id}/messages/{seq:member}/pin        | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
DELETE /api/rooms/{room_id}/messages/{seq:member}/pin        | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
PUT    /api/rooms/{room_id}/messages/{seq:member}/reactions  | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 | {"emoji":"👍"}
DELETE /api/rooms/{room_id}/messages/{seq:member}/reactions?emoji=%F0%9F%91%8D | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 |
GET    /api/rooms/{room_id}/messages/{seq:member}/reactions  | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/rooms/{room_id}/messages/{seq:member}/receipts   | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 |
POST   /api/rooms/{room_id}/messages/{seq:member}/report     | 401 404 404 404 404 204 204 204 | 401 204 204 204 404 204 204 204 | {"reason":"Spam"}
GET    /api/rooms/{room_id}/reports                          | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
POST   /api/rooms/{room_id}/reports/{report_id}/close        | 401 404 404 404 404 403 204 204 | 401 403 403 403 404 403 204 204 |
GET    /api/reports/{report_id}                              | 401 404 404 404 404 404 200 200 | 401 404 404 404 404 404 200 200 |
GET    /api/reports/{report_id}/attachments/{upload_id:kept} | 401 404 404 404 404 404 302 302 | 401 404 404 404 404 404 302 302 |
GET    /api/rooms/{room_id}/pins                             | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
PUT    /api/rooms/{room_id}/read                             | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 | {"seq":1}
PUT    /api/rooms/{room_id}/delivered                        | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 | {"seq":1}
GET    /api/rooms/{room_id}/sync?rev=0                       | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/search?q=message&room_id={room_id}               | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/uploads/{upload_id:attached}                     | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/uploads/{upload_id:attached}/content             | 401 404 404 404 404 302 302 302 | 401 302 302 302 404 302 302 302 |
GET    /api/uploads/{upload_id:attached}/thumbnail           | 401 404 404 404 404 302 302 302 | 401 302 302 302 404 302 302 302 |
GET    /api/messages?roomId={room_id}                        | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/messages/{conversationId}                        | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/messages/member?conversationId={room_id}         | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 |
GET    /api/messages/read/{messageId:member}                 | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 |
PUT    /api/messages/unsent/{messageId:member}               | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200 |
PUT    /api/messages/unsent/{messageId:owner}                | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 |
POST   /api/messages/send                                    | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 | {"conversation_id":"{room_id}","message":"Hello"}
POST   /api/messages/send                                    | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200 | {"room_id":"general","forward":{"room_id":{room_id},"seq":{seq:member}}}
POST   /api/participant/{conversationId}                     | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200 | {"user_id":{user_id:left}}
"#;

/// Actions of a room over a socket, with the same columns; errors count as their HTTP status. Everyone gets answers to `hello` and `ping`: what
/// counts is whether they reveal the room.
pub(super) const ACTIONS: &str = r#"
{"action":"hello","rooms":{"{room_id}":0}}                                   | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200
{"action":"ping","since":1}                                                  | 401 404 404 404 404 200 200 200 | 401 404 404 404 404 200 200 200
{"action":"sync","room_id":{room_id},"rev":0}                                | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200
{"action":"send","room_id":{room_id},"content":"Hello"}                      | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200
{"action":"edit","room_id":{room_id},"seq":{seq:member},"content":"Ho"}      | 401 404 404 404 404 200 403 403 | 401 403 403 403 404 200 403 403
{"action":"unsend","room_id":{room_id},"seq":{seq:owner}}                    | 401 404 404 404 404 403 200 200 | 401 403 403 403 404 403 200 200
{"action":"react","room_id":{room_id},"seq":{seq:member},"emoji":"👍"}       | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200
{"action":"unreact","room_id":{room_id},"seq":{seq:member},"emoji":"👍"}     | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200
{"action":"join","room_id":{room_id}}                                        | 401 404 404 404 404 200 200 200 | 401 200 200 200 403 200 200 200
{"action":"join","room_id":{room_id},"invite":"{code}"}                      | 401 404 200 404 404 200 200 200 | 401 200 200 200 403 200 200 200
{"action":"leave","room_id":{room_id}}                                       | 401 404 404 404 404 200 200 409 | 401 403 403 403 404 200 200 409
{"action":"leave","room_id":{room_id},"owner":{user_id:guest}}               | 401 404 404 404 404 403 403 200 | 401 403 403 403 404 403 403 200
{"action":"read","room_id":{room_id},"seq":1}                                | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200
{"action":"delivered","room_id":{room_id},"seq":1}                           | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200
{"action":"typing","room_id":{room_id},"active":true}                        | 401 404 404 404 404 200 200 200 | 401 403 403 403 404 200 200 200
{"action":"renew","token":"{token:owner}"}                                   | 401 401 401 401 401 401 401 200 | 401 401 401 401 401 401 401 200
{"type":"message","data":{"room_id":"room-{room_id}","content":"Hello"}}     | 401 404 404 404 404 200 200 200 | 401 200 200 200 404 200 200 200
"#;

/// Resources of a user. Columns: anonymous, another user, the owner; `-` where other users have nothing comparable.
pub(super) const OF_PEOPLE: &str = r#"
POST   /api/auth/logout                              | 401  -  204 |
POST   /api/auth/logout-all                          | 401  -  204 |
PUT    /api/auth/password                            | 401  -  200 | {"current":"{password}","new":"another long passphrase"}
GET    /api/auth/sessions                            | 401  -  200 |
DELETE /api/auth/sessions/{session_id}               | 401 404 204 |
POST   /api/auth/ticket                              | 401  -  200 |
GET    /api/users/me                                 | 401  -  200 |
PATCH  /api/users/me                                 | 401  -  200 | {"about":"Here"}
DELETE /api/users/me                                 | 401  -  204 | {"password":"{password}"}
GET    /api/users/me/export                          | 401  -  200 |
PUT    /api/push/subscription                        | 401  -  204 | {"endpoint":"https://fcm.googleapis.com/fcm/send/x","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}
DELETE /api/push/subscription                        | 401  -  204 |
GET    /api/user                                     | 401  -  200 |
GET    /api/user/                                    | 401  -  200 |
PUT    /api/user                                     | 401  -  200 | {"about":"Here"}
PUT    /api/user/                                    | 401  -  200 | {"about":"Here"}
GET    /api/users?q=somebody                         | 401 200 200 |
GET    /api/users/{user_id:oneself}                  | 401 200 200 |
PUT    /api/users/me/avatar                          | 401 404 200 | {"upload_id":{upload_id:avatar}}
DELETE /api/users/me/avatar                          | 401  -  200 |
GET    /api/users/{user_id:pictured}/avatar          | 401 302 302 |
GET    /api/friends                                  | 401  -  200 |
DELETE /api/friends/{user_id:friend}                 | 401 404 204 |
GET    /api/friends/requests                         | 401  -  200 |
POST   /api/friends/requests                         | 401  -  201 | {"user_id":{user_id:nobody}}
POST   /api/friends/requests/{user_id:asking}/accept | 401 404 200 |
POST   /api/friends/requests/{user_id:asking}/reject | 401 404 204 |
DELETE /api/friends/requests/{user_id:asked}         | 401 404 204 |
GET    /api/blocks                                   | 401  -  200 |
PUT    /api/blocks/{user_id:nobody}                  | 401  -  204 |
DELETE /api/blocks/{user_id:nobody}                  | 401  -  204 |
GET    /api/rooms?scope=joined                       | 401  -  200 |
POST   /api/rooms                                    | 401  -  201 | {"name":"Lunch"}
POST   /api/rooms/create                             | 401  -  200 | {"name":"Lunch"}
PUT    /api/rooms/direct/{user_id:nobody}            | 401  -  201 |
GET    /api/rooms?scope=invited                      | 401  -  200 |
DELETE /api/rooms/direct/{user_id:direct}            | 401 404 204 |
GET    /api/unread                                   | 401  -  200 |
GET    /api/sync                                     | 401  -  200 |
GET    /api/search?q=hello                           | 401  -  200 |
POST   /api/uploads                                  | 401  -  201 | {"purpose":"file","file_name":"a.txt","content_type":"text/plain","size":1}
POST   /api/uploads/{upload_id:sent}/complete        | 401 404 200 |
GET    /api/uploads/{upload_id:ready}                | 401 404 200 |
DELETE /api/uploads/{upload_id:ready}                | 401 404 204 |
DELETE /api/uploads/{upload_id:sent}                 | 401 404 204 |
GET    /api/uploads/{upload_id:ready}/content        | 401 404 302 |
GET    /api/uploads/{upload_id:ready}/thumbnail      | 401 404 302 |
POST   /api/rooms/general/messages                   | 401 404 201 | {"attachments":[{upload_id:ready}]}
"#;

/// Operator routes. Columns: anonymous, the owner of the affected room (and everyone else), an operator.
pub(super) const OF_OPERATORS: &str = r#"
GET    /api/admin/users                              | 401 403 200 |
GET    /api/admin/users/{user_id:nobody}             | 401 403 200 |
POST   /api/admin/users/{user_id:nobody}/disable     | 401 403 200 |
POST   /api/admin/users/{user_id:nobody}/enable      | 401 403 200 |
DELETE /api/admin/users/{user_id:nobody}/sessions    | 401 403 204 |
PUT    /api/admin/users/{user_id:nobody}/role        | 401 403 200 | {"role":"user"}
PUT    /api/admin/users/{user_id:oneself}/role       | 401 403 200 | {"role":"user"}
DELETE /api/admin/users/{user_id:nobody}             | 401 403 204 |
GET    /api/admin/reports                            | 401 403 200 |
POST   /api/admin/reports/{report_id}/close          | 401 403 204 |
GET    /api/admin/rooms                              | 401 403 200 |
GET    /api/admin/rooms/{room_id}                    | 401 403 200 |
PATCH  /api/admin/rooms/{room_id}                    | 401 403 200 | {"archived":true}
DELETE /api/admin/rooms/{room_id}                    | 401 403 204 |
GET    /api/admin/audit                              | 401 403 200 |
GET    /api/rooms/{room_id}                          | 401 200 404 |
GET    /api/rooms/{room_id}/messages                 | 401 200 404 |
"#;

/// Routes without authentication.
pub(super) const OF_ANYONE: &str = r#"
POST   /api/auth/register         | 201 | {"username":"{new}","password":"{password}"}
POST   /api/register              | 200 | {"username":"{new}","password":"{password}"}
POST   /api/users/register        | 200 | {"username":"{new}","password":"{password}"}
POST   /api/auth/login            | 401 | {"username":"{new}","password":"{password}"}
POST   /api/login                 | 401 | {"username":"{new}","password":"{password}"}
POST   /api/users/login           | 401 | {"username":"{new}","password":"{password}"}
POST   /api/auth/refresh          | 401 | {"refresh_token":"{new}"}
GET    /api/push/key              | 200 |
GET    /health                    | 200 |
GET    /health/ready              | 200 |
GET    /openapi.json              | 200 |
GET    /asyncapi.json             | 200 |
GET    /docs                      | 200 |
GET    /docs/socket               | 200 |
GET    /swagger                   | 308 |
GET    /swagger/                  | 308 |
GET    /swagger/index.html        | 200 |
"#;
