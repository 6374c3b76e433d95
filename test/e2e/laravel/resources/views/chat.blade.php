<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <meta name="csrf-token" content="{{ csrf_token() }}">
    <title>{{ config('app.name') }}</title>
    <link rel="icon" href="data:,">
    <script src="/js/pusher.js"></script>
    <script src="/js/echo.js"></script>
</head>
<body>
    @auth
        <p>Logged in as <b id="user">{{ auth()->user()->name }}</b>. <a href="/logout">Log out</a></p>
    @else
        <p>
            Log in as
            @foreach (App\Models\User::all() as $user)
                <a href="/login/{{ $user->id }}">{{ $user->name }}</a>
            @endforeach
        </p>
    @endauth

    <p>Connection <b id="state">initialized</b>, socket <b id="socket"></b></p>

    <h2>Subscribed</h2>
    <ul id="subscribed"></ul>

    <h2>Refused</h2>
    <ul id="refused"></ul>

    <h2>In the room</h2>
    <ul id="members"></ul>

    <h2>Events</h2>
    <ul id="events"></ul>

    <form id="send">
        <select name="kind"><option>public</option><option>private</option><option>presence</option></select>
        <input name="channel" value="news">
        <input name="text" value="hello">
        <label><input name="others" type="checkbox" value="1"> to others</label>
        <button>Broadcast</button>
    </form>

    <script>
        const $ = (id) => document.getElementById(id);

        const add = (list, text) => {
            const item = document.createElement('li');
            item.textContent = text;
            $(list).append(item);
            return item;
        };

        const options = {
            broadcaster: 'reverb',
            key: @json(config('broadcasting.connections.reverb.key')),
            wsHost: @json(config('broadcasting.connections.reverb.options.host')),
            wsPort: @json((int) config('broadcasting.connections.reverb.options.port')),
            wssPort: @json((int) config('broadcasting.connections.reverb.options.port')),
            forceTLS: @json(config('broadcasting.connections.reverb.options.useTLS')),
            enabledTransports: ['ws', 'wss'],
        };

        // With ?unsigned the page asks for no signatures: the sidecar asks the app itself.
        // pusher-js itself wants to know who one is in a presence channel; the sidecar believes the app only.
        if (new URLSearchParams(location.search).has('unsigned')) {
            const channel_data = JSON.stringify({ user_id: @json((string) auth()->id()) });
            options.channelAuthorization = { customHandler: (params, callback) => callback(null, { auth: '', channel_data }) };
        }

        const echo = window.echo = new Echo.default({ ...options, Pusher });

        echo.connector.pusher.connection.bind('state_change', ({ current }) => {
            $('state').textContent = current;
            $('socket').textContent = echo.socketId() ?? '';
        });

        const watch = (name, channel) => channel
            .subscribed(() => add('subscribed', name))
            .error((error) => add('refused', `${name} ${error.status ?? error.type}`))
            .listen('MessageSent', ({ text }) => add('events', `${name} ${text}`));

        watch('news', echo.channel('news'));

        @auth
            watch('private-user.{{ auth()->id() }}', echo.private('user.{{ auth()->id() }}'));
            watch('private-orders.1', echo.private('orders.1'));
            watch('private-denied', echo.private('denied'));

            const member = ({ id, name }) => {
                $(`member-${id}`)?.remove();
                add('members', name).id = `member-${id}`;
            };
            watch('presence-room.1', echo.join('room.1'))
                .here((members) => {
                    $('members').replaceChildren();
                    members.forEach(member);
                })
                .joining(member)
                .leaving(({ id }) => $(`member-${id}`)?.remove());
        @endauth

        $('send').addEventListener('submit', (event) => {
            event.preventDefault();
            fetch('/broadcast', {
                method: 'POST',
                headers: {
                    Accept: 'application/json',
                    'X-CSRF-TOKEN': document.querySelector('meta[name="csrf-token"]').content,
                    'X-Socket-ID': echo.socketId() ?? '',
                },
                body: new FormData(event.target),
            }).then((response) => response.ok || add('events', `broadcast failed: ${response.status}`));
        });
    </script>
</body>
</html>
