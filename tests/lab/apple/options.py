# SPDX-License-Identifier: MIT
# options.py - what each version of Apple's `container` accepts
"""Tables of subcommands and options with the first version that has each, and
a parser that refuses all else, as Swift's ArgumentParser does: status 64."""

EX_USAGE = 64


class Usage(Exception):
    """The command line is not one of the version that is played."""


def number(version):
    """'0.12.3' -> (0, 12, 3), for comparing"""
    parts = [int(part) for part in version.split('.')]
    return tuple(parts + [0] * (3 - len(parts)))


# An option is "SINCE KIND NAMES...".  KIND: flag, or value (once, the last one
# counts), or list (may be repeated).  The first long name is its key.
PROCESS = """
0.1.0 list  --env -e
0.1.0 list  --env-file
0.1.0 value --user -u
0.1.0 value --uid
0.1.0 value --gid
0.1.0 value --workdir -w --cwd
0.1.0 flag  --interactive -i
0.1.0 flag  --tty -t
0.9.0 list  --ulimit
"""
RUN = PROCESS + """
0.1.0 flag  --detach -d
0.1.0 flag  --remove --rm
0.1.0 value --name
0.1.0 value --cpus -c
0.1.0 value --memory -m
0.1.0 list  --volume -v
0.1.0 list  --mount
0.1.0 list  --tmpfs
0.1.0 value --entrypoint
0.1.0 list  --label -l
0.1.0 value --cidfile
0.1.0 list  --dns
0.1.0 value --dns-domain
0.1.0 list  --dns-option
0.1.0 list  --dns-search
0.1.0 flag  --no-dns
0.1.0 value --kernel -k
0.1.0 value --os
0.1.0 value --arch -a
0.1.0 value --scheme
0.2.0 list  --network
0.2.0 list  --publish-socket
0.3.0 list  --publish -p
0.3.0 flag  --virtualization
0.4.0 flag  --ssh
0.4.0 value --platform
0.7.0 flag  --rosetta
0.8.0 flag  --read-only
0.10.0 flag --init
0.10.0 value --init-image
0.10.0 value --runtime
0.12.0 list --cap-add
0.12.0 list --cap-drop
1.0.0 value --shm-size
1.2.0 list  --kernel-arg
1.2.1 list  --masked-path
1.2.1 list  --read-only-path
"""
FORMAT = "0.1.0 value --format\n"
FORMATS = {'json': '0.1.0', 'table': '0.1.0', 'yaml': '0.12.0', 'toml': '1.0.0'}
QUIET = "0.1.0 flag --quiet -q\n"
ALL = "0.1.0 flag --all -a\n"

# "WORDS" -> (since, options, least number of arguments, most or None); the
# words of a run or exec after the first argument are its command's own.
COMMANDS = {
    'run': ('0.1.0', RUN, 1, None),
    'exec': ('0.1.0', PROCESS + "0.1.0 flag --detach -d", 2, None),
    'list': ('0.1.0', FORMAT + QUIET + ALL, 0, 0),
    'inspect': ('0.1.0', "", 1, None),
    'logs': ('0.1.0', "0.1.0 flag --boot\n0.1.0 flag --follow -f\n"
             "0.1.0 value -n", 1, 1),
    'stats': ('0.7.0', FORMAT + "0.7.0 flag --no-stream", 0, None),
    'stop': ('0.1.0', ALL + "0.1.0 value --signal -s\n"
             "0.1.0 value --time -t", 0, None),
    'kill': ('0.1.0', ALL + "0.1.0 value --signal -s", 0, None),
    'delete': ('0.1.0', ALL + "0.1.0 flag --force -f", 0, None),
    'build': ('0.1.0', """
0.1.0 value --file -f
0.1.0 list  --tag -t
0.1.0 list  --build-arg
0.1.0 value --target
0.1.0 flag  --no-cache
0.1.0 flag  --quiet -q
0.1.0 value --progress
0.1.0 list  --label -l
0.1.0 list  --output -o
0.1.0 value --cpus -c
0.1.0 value --memory -m
0.1.0 list  --arch -a
0.1.0 list  --os
0.4.0 list  --platform
0.9.0 flag  --pull
0.9.0 list  --secret
0.9.0 list  --dns
1.2.1 list  --ssh
""", 0, 1),
    'image list': ('0.6.0', FORMAT + QUIET + "0.1.0 flag --verbose -v", 0, 0),
    'image inspect': ('0.6.0', "", 1, None),
    'image delete': ('0.6.0', ALL + "0.10.0 flag --force -f", 0, None),
    'image tag': ('0.6.0', "", 2, 2),
    'image pull': ('0.6.0', "0.4.0 value --platform\n"
                   "0.1.0 value --scheme", 1, 1),
    'network create': ('0.2.0', """
0.4.0 list  --label
0.6.0 value --subnet
0.8.0 value --subnet-v6
0.9.0 flag  --internal
1.0.0 value --plugin
1.0.0 list  --option
""", 1, 1),
    'network list': ('0.2.0', FORMAT + QUIET, 0, 0),
    'network inspect': ('0.2.0', "", 1, None),
    'network delete': ('0.2.0', ALL, 0, None),
    'volume create': ('0.5.0', "0.5.0 list --label\n0.5.0 list --opt\n"
                      "0.5.0 value -s", 1, 1),
    'volume list': ('0.5.0', FORMAT + QUIET, 0, 0),
    'volume delete': ('0.5.0', ALL, 0, None),
    'system start': ('0.1.0', """
0.1.0 flag  --enable-kernel-install
0.1.0 flag  --disable-kernel-install
0.6.0 value --timeout
0.1.0 value --app-root
0.5.0 value --install-root
""", 0, 0),
    'system stop': ('0.1.0', "0.1.0 value --prefix -p", 0, 0),
    'system status': ('0.1.0', "0.1.0 value --prefix -p\n"
                      "0.10.0 value --format", 0, 0),
    'system version': ('0.10.0', "0.10.0 value --format", 0, 0),
}
ALIASES = {'ls': 'list', 'rm': 'delete'}
FOLDERS = {'image', 'network', 'system', 'volume'}
PASSTHROUGH = {'run': 1, 'exec': 1}


def table(text, version):
    """name -> (key, kind) of the options that VERSION has"""
    known = {'--debug': ('--debug', 'flag')}
    for line in filter(None, text.splitlines()):
        since, kind, *names = line.split()
        if number(since) <= number(version):
            known.update((name, (names[0], kind)) for name in names)
    return known


def find(words, version):
    """the command that WORDS name, and the words after it"""
    if not words:
        raise Usage('A subcommand is missing')
    taken = 2 if words[0] in FOLDERS else 1
    name = ' '.join(ALIASES.get(word, word) for word in words[:taken])
    if name not in COMMANDS or number(COMMANDS[name][0]) > number(version):
        raise Usage(f"Unexpected argument '{words[min(taken, len(words)) - 1]}'")
    return name, words[taken:]


def split(word, known):
    """one word of options -> [(option, value or None)...]"""
    if word.startswith('--'):
        name, equals, value = word.partition('=')
        return [(name, value if equals else None)]
    if len(word) > 2 and known.get(word[:2], ('', ''))[1] != 'flag':
        raise Usage(f"Unknown option '{word}'")
    return [('-' + letter, None) for letter in word[1:]]


def parse(words, version):
    """(command, options, arguments) of a command line, or Usage"""
    name, rest = find(words, version)
    _, text, least, most = COMMANDS[name]
    known = table(text, version)
    options, arguments = {}, []
    rest = list(rest)
    while rest:
        word = rest.pop(0)
        if len(arguments) >= PASSTHROUGH.get(name, 1 << 30):
            arguments += [word] + rest
            break
        if word == '--':
            arguments += rest
            break
        if not word.startswith('-') or word == '-':
            arguments.append(word)
            continue
        for option, value in split(word, known):
            if option not in known:
                raise Usage(f"Unknown option '{option}'")
            key, kind = known[option]
            if kind == 'flag':
                if value is not None:
                    raise Usage(f"The option '{option}' takes no value")
                options[key] = True
                continue
            if value is None:
                if not rest or rest[0].startswith('-'):
                    raise Usage(f"Missing value for '{option}'")
                value = rest.pop(0)
            if kind == 'list':
                options.setdefault(key, []).append(value)
            else:
                options[key] = value
    word = options.get('--format', 'table')
    if number(FORMATS.get(word, '99.0')) > number(version):
        raise Usage(f"The value '{word}' is invalid for '--format <format>'")
    if len(arguments) < least or most is not None and len(arguments) > most:
        raise Usage(f"wrong number of arguments for '{name}'")
    return name, options, arguments
