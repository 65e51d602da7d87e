/** Backup and restore of one room in the database of the running cloud. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** @returns {((text: string) => string[]) | null} runs SQL; null without access to the database */
export function database() {
  try {
    const log = readFileSync(`${process.env["CONCHAT_DATA"]}/log`, "utf8");
    const { hostname, port, username, password, pathname } = new URL(/Database +(mysql:\S+)/.exec(log)?.[1] ?? "");
    const args = [`-h${hostname}`, `-P${port}`, `-u${username}`, `-p${password}`, "-N", "-B", pathname.slice(1), "-e"];
    const sql = (/** @type {string} */ text) =>
      execFileSync("mysql", [...args, text], { encoding: "utf8" }).split("\n").filter(Boolean);
    return sql("select 1").length === 1 ? sql : null;
  } catch {
    return null;
  }
}

/** Saves all rows of a room and returns their restore; other tests use the same database. @param {(text: string) => string[]} sql @param {number} room */
export function backup(sql, room) {
  const tables = sql("select table_name from information_schema.columns where table_schema = database() and column_name = 'room_id'");
  const rows = [["rooms", "id"], ...tables.map((table) => [table, "room_id"])].map(([table, id]) => ({ table, of: `${id} = ${room}` }));
  const stored = (/** @type {string | undefined} */ table) =>
    sql(`select column_name from information_schema.columns where table_schema = database() and table_name = '${table}'
      and extra not like '%generated%'`).join(", ");
  const kept = `kept_${room}`;
  sql(`create database ${kept}; ${rows.map(({ table, of }) => `create table ${kept}.${table} as select * from ${table} where ${of}`).join("; ")}`);
  return () => {
    const back = rows.map(({ table, of }) => {
      const columns = stored(table);
      return `delete from ${table} where ${of}; insert into ${table} (${columns}) select ${columns} from ${kept}.${table}`;
    });
    sql(`start transaction; ${back.join("; ")}; commit; drop database ${kept}`);
  };
}
