// A chat server as one writes it with socket.io and mysql2, a peer of `make bench`: registration, rooms and history over HTTP, messages over sockets.
// It checks membership and stores each message before it goes to the room.
//
//   node socketio.mjs mysql://…        prints its port

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { resolve } from 'node:path';

const require = createRequire(resolve(process.env.PEER_MODULES, 'index.js'));
const { Server } = require('socket.io');
const mysql = require('mysql2/promise');

const derive = promisify(scrypt);
const secret = randomBytes(32);
const database = mysql.createPool({ uri: process.argv[2], connectionLimit: 8 });

for (const table of [
  'users (id bigint primary key auto_increment, name varchar(64) not null unique, hash varbinary(80) not null)',
  'rooms (id bigint primary key auto_increment, name varchar(64) not null)',
  'members (room_id bigint, user_id bigint, primary key (room_id, user_id))',
  `messages (id bigint primary key auto_increment, room_id bigint not null, sender_id bigint not null, body text not null,
    created_at bigint not null, key room (room_id, id))`,
]) await database.query(`create table if not exists ${table} engine = InnoDB default character set utf8mb4`);

const ask = async (sql, values) => (await database.execute(sql, values))[0];

async function hash(password, salt = randomBytes(16)) {
  return Buffer.concat([salt, await derive(password, salt, 32)]);
}

function sign(user) {
  return `${user}.${createHmac('sha256', secret).update(`${user}`).digest('base64url')}`;
}

function userOf(token) {
  const [user] = `${token}`.split('.');
  const [given, right] = [Buffer.from(`${token}`), Buffer.from(sign(user))];
  return given.length === right.length && timingSafeEqual(given, right) ? Number(user) : undefined;
}

async function isMember(room, user) {
  return (await ask('select 1 from members where room_id = ? and user_id = ?', [room, user])).length > 0;
}

const routes = {
  async 'POST /register'({ name, password }) {
    const { insertId } = await ask('insert into users (name, hash) values (?, ?)', [name, await hash(password)]);
    return { id: insertId, token: sign(insertId) };
  },
  async 'POST /rooms'({ name, members }, user) {
    const { insertId } = await ask('insert into rooms (name) values (?)', [name]);
    for (const member of [user, ...members]) await ask('insert into members values (?, ?)', [insertId, member]);
    return { id: insertId };
  },
  async 'GET /messages'(_, user, query) {
    const room = Number(query.get('room'));
    if (!(await isMember(room, user))) return undefined;
    const rows = await ask(
      `select m.id, m.sender_id, u.name, m.body, m.created_at from messages m join users u on u.id = m.sender_id
       where m.room_id = ? order by m.id desc limit 50`,
      [room],
    );
    return { messages: rows.reverse() };
  },
};

async function answer(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const route = routes[`${request.method} ${url.pathname}`];
  let text = '';
  for await (const part of request) text += part;
  const user = userOf((request.headers.authorization ?? '').replace('Bearer ', ''));
  const allowed = route && (user !== undefined || url.pathname === '/register');
  const result = allowed ? await route(text ? JSON.parse(text) : {}, user, url.searchParams) : undefined;
  const body = Buffer.from(JSON.stringify(result ?? {}));
  response.writeHead(result ? 200 : 404, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(`${error}`));
});
const io = new Server(server, { transports: ['websocket'], serveClient: false });

io.use((socket, next) => {
  socket.data.user = userOf(socket.handshake.auth.token);
  next(socket.data.user === undefined ? new Error('unauthenticated') : undefined);
});

io.on('connection', async (socket) => {
  const { user } = socket.data;
  socket.on('send', async ({ room, body }, ack) => {
    if (!(await isMember(room, user))) return ack({ error: 'not_a_member' });
    const now = Date.now();
    const { insertId } = await ask('insert into messages (room_id, sender_id, body, created_at) values (?, ?, ?, ?)', [room, user, body, now]);
    io.to(`${room}`).emit('message', { id: insertId, room, sender: user, body, created_at: now });
    ack({ id: insertId });
  });
  for (const { room_id: room } of await ask('select room_id from members where user_id = ?', [user])) socket.join(`${room}`);
  socket.emit('ready');
});

// While another peer is measured, the client's connection stays open.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`));
