"""The servers that are compared. Each one registers people, opens a room of them and a socket for each, sends, and reads a page of 50 messages.

Person 0 writes; the others listen. All but the relay store each message before it goes on, check each writer, and hash passwords."""

import base64
import glob
import json
import os
import shutil
import subprocess

from machine import Program, name_of, processor_time, tree
from mysql import MySql
from websocket import Http, Refused, WebSocket, free_port, wait_for_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PASSWORD = 'linden street in june'


class Missing(Exception):
    """Why a peer cannot take part."""


def number_in(text):
    """The number of a message, `#7#` in its text, or None."""
    start = text.find(b'#')
    return int(text[start + 1:text.index(b'#', start + 1)]) if start >= 0 else None


class Lab:
    """The folder of programs, data and logs, and the database that all peers share."""

    def __init__(self, folder, binaries):
        self.folder = folder
        self.binaries = binaries
        os.makedirs(folder, exist_ok=True)
        shutil.rmtree(self.path('data'), ignore_errors=True)
        self.server = Program([self.binary('local'), 'mysql', '--data', self.path('data', 'mysql')], self.path('mysql.log'))
        self.url = 'mysql://' + self.server.wait_for('mysql://')
        self.mysql = MySql(self.url)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def binary(self, name):
        return os.path.join(self.binaries, name)

    def database(self, name):
        """An empty database and its URL."""
        self.mysql.run(f'drop database if exists {name}; create database {name} character set utf8mb4')
        return self.url.rsplit('/', 1)[0] + '/' + name

    def database_time(self):
        return processor_time(self.server.pid)


class Peer:
    """A running server. `heard` and `acked` get the numbers of messages."""

    name = ''
    stores = True

    def __init__(self, lab):
        self.lab = lab
        self.program = None
        self.http = None
        self.sockets = []
        self.heard = self.acked = lambda number: None

    def processor_time(self):
        return processor_time(self.program.pid)

    def close_sockets(self):
        for socket in self.sockets:
            socket.close()
        self.sockets = []

    def close(self):
        self.close_sockets()
        if self.http:
            self.http.close()
        if self.program:
            self.program.stop()

    def listen(self):
        """Sends what the sockets get to `heard` and `acked`."""
        for index, socket in enumerate(self.sockets):
            socket.heard = self.listener(socket, index)


class ConChat(Peer):
    """The functions behind the local cloud, which plays API Gateway, Lambda and DynamoDB: all of it counts."""

    name = 'ConChat'

    def start(self, binaries=None, data='conchat', environment=None):
        url = self.lab.database('conchat_bench')
        command = [self.lab.binary('local'), 'up', '--template', os.path.join(ROOT, 'template.yaml'), '--data', self.lab.path('data', f'{data}-data'),
                   '--port', '0', '--bin-dir', binaries or self.lab.binaries]
        self.program = Program(command, self.lab.path(f'{data}.log'), {'DATABASE_URL': url, **(environment or {})}, ROOT)
        base = self.program.wait_for('HTTP ', 120)
        self.ws_path = '/' + self.program.wait_for('WebSocket ').split('/', 3)[3]
        self.http = Http(int(base.rsplit(':', 1)[1]))
        self.database_url = url

    def register(self, name):
        answer = json.loads(self.http.request('POST', '/api/auth/register', {'username': name, 'password': PASSWORD}))
        return answer['user']['id'], answer['access_token']

    def open_room(self, count, tag):
        self.people = [self.register(f'{tag}-{index}') for index in range(count)]
        self.http.headers = {'Authorization': f'Bearer {self.people[0][1]}'}
        ids = [person for person, _ in self.people[1:]]
        self.room = json.loads(self.http.request('POST', '/api/rooms', {'name': tag, 'member_ids': ids[:100]}))['id']
        for start in range(100, len(ids), 100):
            self.http.request('POST', f'/api/rooms/{self.room}/members', {'user_ids': ids[start:start + 100]})

    async def connect(self):
        for _, token in self.people:
            self.sockets.append(await WebSocket.connect(self.http.port, self.ws_path, [('Authorization', token)], 'conchat.v1'))

    def listener(self, _, index):
        def heard(text):
            if text.startswith(b'{"type":"message"'):
                if index:
                    self.heard(number_in(text))
            elif text.startswith(b'{"type":"ack"'):
                self.acked(int(json.loads(text)['client_id'].split('-')[1]))
            elif not text.startswith((b'{"type":"read"', b'{"type":"member', b'{"type":"presence"', b'{"type":"delivered"')):
                raise Refused(text)
        return heard

    def say(self, number, text):
        self.sockets[0].send(json.dumps({'action': 'send', 'room_id': self.room, 'content': text, 'client_id': f'{os.getpid()}-{number}-{id(self)}'}))

    async def page(self):
        items = json.loads(self.http.request('GET', f'/api/rooms/{self.room}/messages?limit=50'))['items']
        return len(items)

    def state(self):
        return json.loads(self.http.request('GET', '/_local/state'))

    def instances(self, binary):
        return [pid for pid in tree(self.program.pid) if name_of(pid) == binary]


class SocketIo(Peer):
    name = 'socket.io'

    def start(self):
        if not shutil.which('node') or not shutil.which('npm'):
            raise Missing('Node and npm are not installed')
        modules = self.lab.path('socketio')
        os.makedirs(modules, exist_ok=True)
        shutil.copy(os.path.join(HERE, 'package.json'), modules)
        install = ['npm', 'install', '--prefix', modules, '--no-audit', '--no-fund', '--loglevel=error']
        if subprocess.run(install, capture_output=True, check=False).returncode:
            raise Missing('npm could not install socket.io and mysql2')
        self.program = Program(['node', os.path.join(HERE, 'socketio.mjs'), self.lab.database('socketio_bench')], self.lab.path('socketio.log'),
                               {'PEER_MODULES': modules, 'NODE_ENV': 'production'})
        self.http = Http(int(self.program.wait_for('listens on ')))

    def open_room(self, count, tag):
        self.people = []
        for index in range(count):
            self.people.append(json.loads(self.http.request('POST', '/register', {'name': f'{tag}-{index}', 'password': PASSWORD})))
        self.http.headers = {'Authorization': 'Bearer ' + self.people[0]['token']}
        ids = [person['id'] for person in self.people[1:]]
        self.room = json.loads(self.http.request('POST', '/rooms', {'name': tag, 'members': ids}))['id']

    async def connect(self):
        for person in self.people:
            socket = await WebSocket.connect(self.http.port, '/socket.io/?EIO=4&transport=websocket')
            await socket.until(b'0{')
            socket.send('40' + json.dumps({'token': person['token']}))
            await socket.until(b'ready')
            self.sockets.append(socket)

    def listener(self, socket, index):
        def heard(text):
            if text.startswith(b'42'):
                if index:
                    self.heard(number_in(text))
            elif text.startswith(b'43'):
                if b'error' in text:
                    raise Refused(text)
                self.acked(int(text[2:text.index(b'[')]))
            elif text == b'2':
                socket.send('3')
        return heard

    def say(self, number, text):
        self.sockets[0].send(f'42{number}' + json.dumps(['send', {'room': self.room, 'body': text}]))

    async def page(self):
        return len(json.loads(self.http.request('GET', f'/messages?room={self.room}'))['messages'])


class Ejabberd(Peer):
    """XMPP over WebSockets, a multi-user chat with its archive. The writer's own copy is its acknowledgement."""

    name = 'ejabberd'
    schemas = '/usr/share/ejabberd/sql/mysql.sql'

    def start(self):
        packages = ['ejabberd', 'erlang-p1-mysql']
        if not (os.path.exists(self.schemas) and glob.glob('/usr/lib/erlang/lib/p1_mysql-*')):
            if os.geteuid() or not shutil.which('apt-get'):
                raise Missing('ejabberd and erlang-p1-mysql are not installed (Debian: apt-get install)')
            # Its service is not to start: the bench runs its own.
            install = ['apt-get', '-q', '-y', 'install', '--no-install-recommends', *packages]
            environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive', 'RUNLEVEL': '1'}
            commands = (['apt-get', 'update'], install)
            if any(subprocess.run(command, capture_output=True, check=False, env=environment).returncode for command in commands):
                raise Missing('apt-get could not install ejabberd and erlang-p1-mysql')
        code = sorted(glob.glob('/usr/lib/*/ejabberd-*/ebin'))
        if not code or not shutil.which('erl'):
            raise Missing('ejabberd is installed in another way than by Debian')
        url = self.lab.database('ejabberd_bench')
        with open(self.schemas, encoding='utf-8') as file:
            MySql(url).run(file.read())
        self.port = free_port()
        user, rest = url.removeprefix('mysql://').split(':', 1)
        password, rest = rest.split('@', 1)
        host, port = rest.split('/')[0].split(':')
        words = {'host': host, 'mysql_port': port, 'database': 'ejabberd_bench', 'user': user, 'password': password, 'port': self.port}
        with open(os.path.join(HERE, 'ejabberd.yml'), encoding='utf-8') as file:
            text = file.read()
        for word, value in words.items():
            text = text.replace(f'@{word}@', str(value))
        folder = self.lab.path('data', 'ejabberd')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'ejabberd.yml'), 'w', encoding='utf-8') as file:
            file.write(text)
        command = ['erl', '-noinput', '+K', 'true', '+P', '250000', '-pa', code[-1], '-mnesia', 'dir', json.dumps(folder), '-s', 'ejabberd']
        self.program = Program(command, self.lab.path('ejabberd.log'),
                               {'EJABBERD_CONFIG_PATH': os.path.join(folder, 'ejabberd.yml'),
                                'EJABBERD_LOG_PATH': self.lab.path('ejabberd-errors.log'), 'HOME': folder})
        if not wait_for_port(self.port, self.program.alive):
            raise Missing('ejabberd did not start:\n' + self.program.output()[-1000:])

    def open_room(self, count, tag):
        self.people = [f'{tag}-{index}' for index in range(count)]
        self.room = f'{tag}@conference.localhost'

    async def connect(self):
        for index, person in enumerate(self.people):
            socket = await WebSocket.connect(self.port, '/ws', protocol='xmpp')
            opening = '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>'
            socket.send(opening)
            await socket.until(b'mechanisms')
            socket.send(f'<iq xmlns="jabber:client" type="set" id="register-1"><query xmlns="jabber:iq:register"><username>{person}</username>'
                        f'<password>{PASSWORD}</password></query></iq>')
            _expect(await socket.until(b'register-1'))
            credentials = base64.b64encode(f'\0{person}\0{PASSWORD}'.encode()).decode()
            socket.send(f'<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{credentials}</auth>')
            await socket.until(b'<success')
            socket.send(opening)
            await socket.until(b'xmpp-bind')
            socket.send('<iq xmlns="jabber:client" type="set" id="bind"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>')
            await socket.until(b'<jid>')
            socket.send(f'<presence xmlns="jabber:client" to="{self.room}/{person}"><x xmlns="http://jabber.org/protocol/muc"/></presence>')
            await socket.until(b'110')
            if index == 0:
                form = '<query xmlns="http://jabber.org/protocol/muc#owner"><x xmlns="jabber:x:data" type="submit"/></query>'
                socket.send(f'<iq xmlns="jabber:client" type="set" id="form-1" to="{self.room}">{form}</iq>')
                _expect(await socket.until(b'form-1'))
            self.sockets.append(socket)

    def listener(self, _, index):
        def heard(text):
            start = text.find(b'<body>#')
            if start >= 0:
                number = number_in(text[start:])
                (self.heard if index else self.acked)(number)
        return heard

    def say(self, number, text):
        self.sockets[0].send(f'<message xmlns="jabber:client" type="groupchat" id="m{number}" to="{self.room}"><body>{text}</body></message>')

    async def page(self):
        socket = self.sockets[0]
        before, socket.heard = socket.heard, None
        paging = '<set xmlns="http://jabber.org/protocol/rsm"><max>50</max><before/></set>'
        socket.send(f'<iq xmlns="jabber:client" type="set" id="page" to="{self.room}"><query xmlns="urn:xmpp:mam:2">{paging}</query></iq>')
        count = 0
        while True:
            text = await socket.until(b'<')
            if text.startswith(b'<iq'):
                _expect(text)
                socket.heard = before
                return count
            count += b'<result' in text


def _expect(text):
    if b'type=\'error\'' in text or b'type="error"' in text:
        raise Refused(text)


class Relay(Peer):
    """Passes frames on, and nothing else: a floor."""

    name = 'bare relay'
    stores = False

    def start(self):
        self.program = Program([self.lab.binary('examples/relay')], self.lab.path('relay.log'))
        self.port = int(self.program.wait_for('listens on '))

    def open_room(self, count, _):
        self.count = count

    async def connect(self):
        for _ in range(self.count):
            self.sockets.append(await WebSocket.connect(self.port, '/'))

    def listener(self, _, index):
        def heard(text):
            (self.heard if index else self.acked)(number_in(text))
        return heard

    def say(self, _, text):
        self.sockets[0].send(text)


PEERS = [ConChat, SocketIo, Ejabberd, Relay]
