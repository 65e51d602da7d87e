"""Makes the fixture of a release from its sources and from a server on which its tests have run; scripts/release-fixture.sh calls it.

release.json     the number of the release's schema
statements.json  every statement that its code sends, once
data-N.sql       databases that its tests left, chosen so that together they fill every table and nearly every column
openapi.json     its documents without their prose: what a client relies on
asyncapi.json
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

# Rows of a database that is preferred.
MOST_ROWS = 400
PROSE = ("description", "summary", "title", "example", "examples", "tags", "license", "externalDocs", "x-example")


class Server:
    """The command-line client of the server."""

    def __init__(self, command):
        self.command = command

    def rows(self, statement, database=None):
        """Rows of texts; each column is read as hexadecimal digits, so that no value can break a line."""
        command = self.command + ["--batch", "--skip-column-names", "--raw"] + ([database] if database else [])
        done = subprocess.run(command, input=statement, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{statement}: {done.stderr}")
        decode = lambda field: None if field == "NULL" else bytes.fromhex(field).decode(errors="replace")
        return [[decode(field) for field in line.split("\t")] for line in done.stdout.splitlines()]


def words(text):
    """A statement on one line."""
    return " ".join(re.sub(r"--.*", "", text).split())


def shape(statement):
    """Equal for statements that differ only in numbers and in the lengths of lists."""
    text = re.sub(r"x'[0-9a-f]*'", "?", statement)
    text = re.sub(r"\b\d+\b", "?", text)
    text = re.sub(r"\?(, ?\?)+", "?", text)
    return re.sub(r"(\([^()]*\))(, ?\([^()]*\))+", r"\1", text)


def short(statement):
    """One of each list of rows, numbers and bytes."""
    text = re.sub(r"x'[0-9a-f]*'", "x'00'", statement)
    text = re.sub(r" in \((\d+)(, \d+)+\)", r" in (\1)", text)
    return re.sub(r"( values \([^()]*\))(, \([^()]*\))+", r"\1", text, flags=re.I)


def literals(source):
    """The texts in Rust code that begin like statements; what is filled in stands in braces."""
    for file in sorted((source / "shared/src/store").rglob("*.rs")):
        code = "\n".join(line for line in file.read_text().split("\n") if not line.strip().startswith("//"))
        code = code.split("#[cfg(test)]")[0].replace("'\"'", "' '")
        for raw, plain in re.findall(r'r#"(.*?)"#|"((?:[^"\\]|\\.)*)"', code, re.S):
            text = words(raw or re.sub(r"\\\n\s*", "", plain))
            if re.match(r"(select|insert|update|delete|replace|with) ", text):
                yield file.name, text


def statements(source, server):
    described = next(path for path in (source / "shared/.sqlx", source / ".sqlx") if path.is_dir())
    found = {words(json.loads(file.read_text())["query"]) for file in sorted(described.glob("*.json"))}
    log = server.rows("select distinct hex(argument) from mysql.general_log where command_type in ('Prepare', 'Query')")
    ran = sorted({words(row[0]) for row in log if row[0]}, key=len)
    composed, missing = {}, []
    for name, text in sorted(set(literals(source))):
        if any(text in statement for statement in found):
            continue
        pattern = re.compile(".+?".join(map(re.escape, re.split(r"\{\w*\}", text))))
        matching = list(filter(pattern.match, ran)) or list(filter(pattern.search, ran))
        if not matching:
            missing.append(f"{name}: no test runs the statement that begins {text!r}")
        for statement in matching:
            composed.setdefault(shape(statement), short(statement))
    if missing:
        raise SystemExit("\n".join(missing))
    return sorted(found | {statement for statement in composed.values() if statement not in found})


def databases(server, schema):
    """Names of databases whose schema is the release's, and no table of which a test took away."""
    tables = {}
    query = "select hex(table_schema), hex(table_name) from information_schema.tables where table_schema like 'test\\_%'"
    for database, table in server.rows(query):
        tables.setdefault(database, set()).add(table)
    usual = max(map(frozenset, tables.values()), key=lambda one: sum(one == other for other in tables.values()))
    for database in sorted(tables):
        if tables[database] == usual:
            versions = server.rows("select hex(concat(max(version))), hex(concat(min(success))) from _sqlx_migrations", database)
            if versions == [[str(schema), "1"]]:
                yield database


def columns(server, database):
    query = f"""select hex(table_name), hex(column_name), hex(data_type) from information_schema.columns
                where table_schema = '{database}' and table_name <> '_sqlx_migrations' and extra not like '%GENERATED%'
                order by table_name, ordinal_position"""
    found = {}
    for table, column, kind in server.rows(query):
        found.setdefault(table, []).append((column, kind))
    return found


def features(server, database, tables):
    """What a database shows of the schema: tables with rows, columns with values, values of enumerations; and its number of rows."""
    some = "count(case when concat(`{}`) not in ('', '0') then 1 end)"
    filled = {table: ", ".join(some.format(name) for name, _ in cols) for table, cols in tables.items()}
    counts = [f"select hex('{table}'), hex(concat(count(*))), hex(concat_ws(',', {filled[table]})) from `{table}`" for table in tables]
    shown, total = set(), 0
    for table, rows, counted in server.rows(" union all ".join(counts), database):
        total += int(rows)
        for (name, _), count in zip(tables[table], counted.split(",")):
            if int(count):
                shown.add((table, name))
    enumerations = [
        f"select hex('{table}'), hex('{name}'), hex(`{name}`) from `{table}` group by `{name}`"
        for table, cols in tables.items()
        for name, kind in cols
        if kind == "enum"
    ]
    shown.update(tuple(row) for row in server.rows(" union all ".join(enumerations), database))
    return shown, total


def runs(digits):
    """Bytes in SQL, long runs of zeros counted."""
    parts = re.findall(r"(?:00){12,}|(?:(?!(?:00){12})..)+", digits)
    sql = [f"repeat(x'00', {len(part) // 2})" if set(part) == {"0"} else f"x'{part}'" for part in parts]
    return sql[0] if len(sql) == 1 else f"concat({', '.join(sql)})"


def dump(server, database, tables):
    lines = []
    for table, cols in tables.items():
        counts = ", ".join(f"count(`{name}`)" for name, _ in cols)
        [[counted]] = server.rows(f"select hex(concat_ws(',', {counts})) from `{table}`", database)
        names, values = [], []
        for (name, kind), count in zip(cols, counted.split(",")):
            if count == "0":
                continue
            if "binary" in kind or "blob" in kind:
                value = f"concat(\"x'\", hex(`{name}`), \"'\")"
            elif kind in ("enum", "json") or "char" in kind or "text" in kind:
                value = f"quote(`{name}`)"
            else:
                value = f"`{name}`"
            names.append(name)
            values.append(f"coalesce({value}, 'null')")
        if names:
            rows = server.rows(f"select hex(concat_ws(', ', {', '.join(values)})) from `{table}`", database)
            lines.append(f"insert into {table} ({', '.join(names)}) values\n" + ",\n".join(f"({row[0]})" for row in rows) + ";\n")
    return re.sub(r"x'([0-9A-F]{64,})'", lambda found: runs(found[1]), "".join(lines))


def data(server, schema):
    """Dumps of the databases that show most with the least number of rows, and of larger ones where only those fill a table."""
    names = list(databases(server, schema))
    tables = columns(server, names[0])
    known = {name: features(server, name, tables) for name in names}
    small = {name for name, (_, rows) in known.items() if rows <= MOST_ROWS}
    missing, chosen = set().union(*(known[name][0] for name in small)), []
    while missing:
        best = max(sorted(small), key=lambda name: len(known[name][0] & missing) / (20 + known[name][1]))
        chosen.append(best)
        missing -= known[best][0]
    filled = lambda name: {feature[0] for feature in known[name][0]}
    for table in tables:
        if not any(table in filled(name) for name in chosen):
            having = [name for name in names if table in filled(name)]
            if not having:
                raise SystemExit(f"no test leaves a row in {table}")
            chosen.append(min(having, key=lambda name: known[name][1]))
    return [dump(server, name, tables) for name in chosen]


def bare(value):
    """A document without its prose. The codes of errors stand in prose, so they are kept apart."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    # The names of properties are no prose, whatever they are.
    return {
        key: {name: bare(item) for name, item in part.items()} if key in ("properties", "schemas") else bare(part)
        for key, part in value.items()
        if key not in PROSE
    }


def documents(source, out):
    for name in ("openapi.json", "asyncapi.json"):
        document = json.loads((source / "shared" / name).read_text())
        text = bare(document)
        if name == "openapi.json":
            for operation in (operation for path in text["paths"].values() for operation in path.values()):
                operation["responses"] = {status: answer for status, answer in operation["responses"].items() if status < "400"}
            text["x-codes"] = re.findall(r"^\| `(\w+)`", document["info"]["description"], re.M)
        lines = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
        (out / name).write_text(lines + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--source", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("client", nargs="+")
    given = arguments.parse_args()
    server = Server(given.client)
    schema = max(int(file.name.split("_")[0]) for file in (given.source / "shared/migrations").glob("*.up.sql"))
    listed = statements(given.source, server)
    dumps = data(server, schema)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "release.json").write_text(json.dumps({"schema": schema}) + "\n")
    (given.out / "statements.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
    for number, text in enumerate(dumps, 1):
        (given.out / f"data-{number}.sql").write_text(text)
    documents(given.source, given.out)
    size = sum(file.stat().st_size for file in given.out.iterdir())
    print(f"{given.out}: schema {schema}, {len(listed)} statements, {len(dumps)} databases, {size // 1024} KB")


if __name__ == "__main__":
    main()
