/**
 * The HTTP routes of the API, by name. Responses are typed after `openapi.json`.
 *
 * @import { Http } from "./http.js"
 * @import { Additions, AdminAccount, AdminReport, AdminRoom, AuditEntry, Authenticated, Edit, Export, Found, Friendship, History, Invitation, Invite, Invited, Me, Member, Message, Myself, NewSubscription, OpenReport, Page, Person, PushKey, ReactionChange, Reactor, Receipt, Receipts, Report, Room, RoomSync, RoomsSync, Session, Ticket, User } from "./wire.js"
 */

/** @typedef {{ cursor?: string | null, limit?: number }} Paging */
/** @typedef {number | string} RoomName A room's id or slug. */

/** @param {Http} http */
export function routes(http) {
  const room = (/** @type {RoomName} */ id) => `/api/rooms/${encodeURIComponent(id)}`;
  const message = (/** @type {RoomName} */ id, /** @type {number} */ seq) => `${room(id)}/messages/${seq}`;
  return {
    auth: {
      /** @param {{ username: string, password: string, email?: string, display_name?: string, device?: string }} body @returns {Promise<Authenticated>} */
      register: (body) => http.request("POST", "/api/auth/register", { body, anonymous: true }),
      /** @param {{ username?: string, email?: string, password: string, device?: string }} body @returns {Promise<Authenticated>} */
      login: (body) => http.request("POST", "/api/auth/login", { body, anonymous: true }),
      /** @returns {Promise<void>} */
      logout: () => http.post("/api/auth/logout"),
      /** @returns {Promise<void>} */
      logoutAll: () => http.post("/api/auth/logout-all"),
      /** Changes the password, ends all sessions and starts a new one. @param {string} current @param {string} next @returns {Promise<void>} */
      password: (current, next) => http.replaceSession("PUT", "/api/auth/password", { current, new: next }),
      /** @param {Paging} [paging] @returns {Promise<Page<Session>>} */
      sessions: (paging) => http.get("/api/auth/sessions", paging),
      /** @param {number} id @returns {Promise<void>} */
      endSession: (id) => http.delete(`/api/auth/sessions/${id}`),
      /** @returns {Promise<Ticket>} */
      ticket: () => http.post("/api/auth/ticket"),
    },
    me: {
      /** @returns {Promise<Myself>} */
      get: () => http.get("/api/users/me"),
      /** @param {{ display_name?: string, about?: string, email?: string | null, password?: string, settings?: object }} body @returns {Promise<Me>} */
      change: (body) => http.patch("/api/users/me", body),
      /** @param {string} password @returns {Promise<void>} */
      erase: (password) => http.delete("/api/users/me", { body: { password } }),
      /** @param {string | null} [cursor] @returns {Promise<Export>} */
      export: (cursor) => http.get("/api/users/me/export", { cursor }),
      /** @param {number} upload_id @returns {Promise<Me>} */
      avatar: (upload_id) => http.put("/api/users/me/avatar", { upload_id }),
      /** @returns {Promise<Me>} */
      removeAvatar: () => http.delete("/api/users/me/avatar"),
    },
    users: {
      /** @param {string} q @param {Paging} [paging] @returns {Promise<Page<User>>} */
      search: (q, paging) => http.get("/api/users", { q, ...paging }),
      /** @param {number} id @returns {Promise<Person>} */
      get: (id) => http.get(`/api/users/${id}`),
    },
    friends: {
      /** @param {Paging} [paging] @returns {Promise<Page<Friendship>>} */
      list: (paging) => http.get("/api/friends", paging),
      /** @param {"in" | "out"} direction @param {Paging} [paging] @returns {Promise<Page<Friendship>>} */
      requests: (direction, paging) => http.get("/api/friends/requests", { direction, ...paging }),
      /** @param {{ user_id: number } | { username: string }} who @returns {Promise<Friendship>} */
      request: (who) => http.post("/api/friends/requests", who),
      /** @param {number} user @returns {Promise<Friendship>} */
      accept: (user) => http.post(`/api/friends/requests/${user}/accept`),
      /** @param {number} user @returns {Promise<void>} */
      reject: (user) => http.post(`/api/friends/requests/${user}/reject`),
      /** @param {number} user @returns {Promise<void>} */
      cancel: (user) => http.delete(`/api/friends/requests/${user}`),
      /** @param {number} user @returns {Promise<void>} */
      remove: (user) => http.delete(`/api/friends/${user}`),
    },
    /** What changed since a cursor: rooms, profiles, and what only the user sees or sets. @param {{ cursor?: string, rooms?: boolean }} since @returns {Promise<RoomsSync>} */
    changes: ({ cursor, rooms }) => http.get("/api/sync", { cursor, rooms: rooms === false ? "false" : null, limit: 100 }),
    blocks: {
      /** @param {Paging} [paging] @returns {Promise<Page<User>>} */
      list: (paging) => http.get("/api/blocks", paging),
      /** @param {number} user @returns {Promise<void>} */
      add: (user) => http.put(`/api/blocks/${user}`),
      /** @param {number} user @returns {Promise<void>} */
      remove: (user) => http.delete(`/api/blocks/${user}`),
    },
    rooms: {
      /** @param {"all" | "joined" | "public"} scope @param {Paging} [paging] @returns {Promise<Page<Room>>} */
      list: (scope, paging) => http.get("/api/rooms", { scope, ...paging }),
      /** @param {{ name: string, kind: "group" | "public", topic?: string, member_ids?: number[] }} body @returns {Promise<Room>} */
      create: (body) => http.post("/api/rooms", body),
      /** @param {number} user @returns {Promise<Room>} */
      direct: (user) => http.put(`/api/rooms/direct/${user}`),
      /** Hides a direct room from the list until its next message. @param {number} user @returns {Promise<void>} */
      closeDirect: (user) => http.delete(`/api/rooms/direct/${user}`),
      /** @param {RoomName} id @returns {Promise<Room>} */
      get: (id) => http.get(room(id)),
      /** @param {RoomName} id @param {object} body @returns {Promise<Room>} */
      change: (id, body) => http.patch(room(id), body),
      /** @param {RoomName} id @returns {Promise<void>} */
      delete: (id) => http.delete(room(id)),
      /** @param {RoomName} id @param {string} [invite] @returns {Promise<Room>} */
      join: (id, invite) => http.post(`${room(id)}/join`, invite ? { invite } : {}),
      /** @param {RoomName} id @param {number} [owner] @returns {Promise<void>} */
      leave: (id, owner) => http.post(`${room(id)}/leave`, owner ? { owner } : {}),
      /** @param {RoomName} id @param {string | null} until @returns {Promise<Room>} */
      mute: (id, until) => http.put(`${room(id)}/mute`, { until }),
      /** @param {RoomName} id @param {Paging} [paging] @returns {Promise<Page<Member>>} */
      members: (id, paging) => http.get(`${room(id)}/members`, paging),
      /** @param {RoomName} id @param {{ user_ids?: number[], usernames?: string[] }} who @returns {Promise<Additions>} */
      addMembers: (id, who) => http.post(`${room(id)}/members`, who),
      /** @param {RoomName} id @param {number} user @param {string} role @returns {Promise<Member>} */
      setRole: (id, user, role) => http.patch(`${room(id)}/members/${user}`, { role }),
      /** @param {RoomName} id @param {number} user @returns {Promise<void>} */
      removeMember: (id, user) => http.delete(`${room(id)}/members/${user}`),
      /** @param {RoomName} id @param {number} user @returns {Promise<void>} */
      ban: (id, user) => http.put(`${room(id)}/bans/${user}`),
      /** @param {RoomName} id @param {number} user @returns {Promise<void>} */
      unban: (id, user) => http.delete(`${room(id)}/bans/${user}`),
      /** @param {RoomName} id @returns {Promise<Page<Invite>>} */
      invites: (id) => http.get(`${room(id)}/invites`),
      /** @param {RoomName} id @param {{ expires_in?: number, uses?: number }} [body] @returns {Promise<Invite>} */
      invite: (id, body = {}) => http.post(`${room(id)}/invites`, body),
      /** @param {RoomName} id @param {string} code @returns {Promise<void>} */
      revokeInvite: (id, code) => http.delete(`${room(id)}/invites/${encodeURIComponent(code)}`),
      /** Open invitations to the user; `join` accepts one. @param {Paging} [paging] @returns {Promise<Page<Invitation>>} */
      invitations: (paging) => http.get("/api/rooms", { scope: "invited", ...paging }),
      /** @param {RoomName} id @returns {Promise<void>} */
      decline: (id) => http.delete(`${room(id)}/invitation`),
      /** Open invitations to a room. @param {RoomName} id @param {Paging} [paging] @returns {Promise<Page<Invited>>} */
      invited: (id, paging) => http.get(`${room(id)}/invitations`, paging),
      /** @param {RoomName} id @param {number} user @returns {Promise<void>} */
      uninvite: (id, user) => http.delete(`${room(id)}/invitations/${user}`),
      /** @param {RoomName} id @param {Paging} [paging] @returns {Promise<Page<Report>>} */
      reports: (id, paging) => http.get(`${room(id)}/reports`, paging),
      /** An open report with the earlier versions of its message. @param {number} report @returns {Promise<OpenReport>} */
      report: (report) => http.get(`/api/reports/${report}`),
      /** @param {RoomName} id @param {number} report @returns {Promise<void>} */
      closeReport: (id, report) => http.post(`${room(id)}/reports/${report}/close`),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Receipt>} */
      read: (id, seq) => http.put(`${room(id)}/read`, { seq }),
      /** @param {RoomName} id @returns {Promise<Page<Message>>} */
      pins: (id) => http.get(`${room(id)}/pins`),
      /** @param {RoomName} id @param {number} rev @returns {Promise<RoomSync>} */
      sync: (id, rev) => http.get(`${room(id)}/sync`, { rev }),
    },
    messages: {
      /** @param {RoomName} id @param {{ before?: number, after?: number, around?: number, limit?: number }} [query] @returns {Promise<History>} */
      list: (id, query) => http.get(`${room(id)}/messages`, query),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Message>} */
      get: (id, seq) => http.get(message(id, seq)),
      /** @param {RoomName} id @param {object} body @returns {Promise<Message>} */
      send: (id, body) => http.post(`${room(id)}/messages`, body),
      /** @param {RoomName} id @param {number} seq @param {string} content @returns {Promise<Message>} */
      edit: (id, seq, content) => http.patch(message(id, seq), { content }),
      /** @param {RoomName} id @param {number} seq @param {"all" | "me"} [who] @returns {Promise<void>} */
      unsend: (id, seq, who = "all") => http.delete(message(id, seq), { query: { for: who } }),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Page<Edit>>} */
      edits: (id, seq) => http.get(`${message(id, seq)}/edits`),
      /** @param {RoomName} id @param {number} seq @param {string} emoji @returns {Promise<ReactionChange>} */
      react: (id, seq, emoji) => http.put(`${message(id, seq)}/reactions`, { emoji }),
      /** @param {RoomName} id @param {number} seq @param {string} emoji @returns {Promise<ReactionChange>} */
      unreact: (id, seq, emoji) => http.delete(`${message(id, seq)}/reactions`, { query: { emoji } }),
      /** @param {RoomName} id @param {number} seq @param {Paging} [paging] @returns {Promise<Page<Reactor>>} */
      reactions: (id, seq, paging) => http.get(`${message(id, seq)}/reactions`, paging),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Message>} */
      pin: (id, seq) => http.put(`${message(id, seq)}/pin`),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Message>} */
      unpin: (id, seq) => http.delete(`${message(id, seq)}/pin`),
      /** @param {RoomName} id @param {number} seq @param {string} [reason] @returns {Promise<void>} */
      report: (id, seq, reason) => http.post(`${message(id, seq)}/report`, { reason }),
      /** @param {RoomName} id @param {number} seq @returns {Promise<Receipts>} */
      receipts: (id, seq) => http.get(`${message(id, seq)}/receipts`),
    },
    /** @param {string} q @param {{ room_id?: number, tz?: string, cursor?: string | null, limit?: number }} [rest] @returns {Promise<Page<Found>>} */
    search: (q, rest) => http.get("/api/search", { q, ...rest }),
    push: {
      /** @returns {Promise<PushKey>} */
      key: () => http.request("GET", "/api/push/key", { anonymous: true }),
      /** @param {NewSubscription} body @returns {Promise<void>} */
      subscribe: (body) => http.put("/api/push/subscription", body),
      /** @returns {Promise<void>} */
      unsubscribe: () => http.delete("/api/push/subscription"),
    },
    /** For admins of the deployment. */
    admin: {
      /** @param {{ q?: string | null, state?: string | null, role?: string | null } & Paging} [query] @returns {Promise<Page<AdminAccount>>} */
      users: (query) => http.get("/api/admin/users", query),
      /** @param {number} user @param {boolean} on @returns {Promise<AdminAccount>} */
      enable: (user, on) => http.post(`/api/admin/users/${user}/${on ? "enable" : "disable"}`),
      /** @param {number} user @returns {Promise<void>} */
      endSessions: (user) => http.delete(`/api/admin/users/${user}/sessions`),
      /** @param {number} user @param {"user" | "admin"} role @returns {Promise<AdminAccount>} */
      setRole: (user, role) => http.put(`/api/admin/users/${user}/role`, { role }),
      /** @param {number} user @returns {Promise<void>} */
      erase: (user) => http.delete(`/api/admin/users/${user}`),
      /** @param {{ state?: "open" | "closed" } & Paging} [query] @returns {Promise<Page<AdminReport>>} */
      reports: (query) => http.get("/api/admin/reports", query),
      /** @param {number} report @returns {Promise<void>} */
      closeReport: (report) => http.post(`/api/admin/reports/${report}/close`),
      /** @param {{ q?: string | null, kind?: string | null } & Paging} [query] @returns {Promise<Page<AdminRoom>>} */
      rooms: (query) => http.get("/api/admin/rooms", query),
      /** @param {number} id @param {boolean} archived @returns {Promise<AdminRoom>} */
      archive: (id, archived) => http.patch(`/api/admin/rooms/${id}`, { archived }),
      /** @param {number} id @returns {Promise<void>} */
      deleteRoom: (id) => http.delete(`/api/admin/rooms/${id}`),
      /** @param {Paging} [paging] @returns {Promise<Page<AuditEntry>>} */
      audit: (paging) => http.get("/api/admin/audit", paging),
    },
  };
}
