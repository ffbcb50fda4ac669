// The index: one DuckDB file that can be deleted at any time and is rebuilt from the object store. All writes go through `write`,
// one transaction at a time, and the position in the streams lives in the same transaction as the rows, so nothing is doubled.
import { rm } from "node:fs/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBAppender, DuckDBConnection } from "@duckdb/node-api";

const SCHEMA_VERSION = 2;
const SCHEMA = `
  CREATE TABLE position (outcomes VARCHAR NOT NULL, points VARCHAR NOT NULL);
  CREATE TABLE sweeps (id VARCHAR NOT NULL, state VARCHAR NOT NULL, reason VARCHAR, record VARCHAR NOT NULL);
  CREATE TABLE trials (sweep VARCHAR NOT NULL, number INTEGER NOT NULL, state VARCHAR NOT NULL, reason VARCHAR, value DOUBLE, folds INTEGER NOT NULL, parameters VARCHAR NOT NULL, retry_of INTEGER);
  CREATE TABLE runs (sweep VARCHAR NOT NULL, trial INTEGER NOT NULL, fold INTEGER NOT NULL, state VARCHAR NOT NULL, attempt INTEGER NOT NULL, metrics VARCHAR, result VARCHAR);
  CREATE TABLE points (sweep VARCHAR NOT NULL, trial INTEGER NOT NULL, fold INTEGER NOT NULL, epoch INTEGER NOT NULL, name VARCHAR NOT NULL, value DOUBLE NOT NULL);
  CREATE TABLE curves_loaded (sweep VARCHAR NOT NULL, trial INTEGER NOT NULL, fold INTEGER NOT NULL);
  CREATE TABLE models_removed (sweep VARCHAR NOT NULL);
  CREATE TABLE index_version (version INTEGER NOT NULL);
  INSERT INTO index_version VALUES (${SCHEMA_VERSION});`;

export type Cell = string | number | null;
export type Row = Record<string, Cell>;

/** Column kinds of the tables that are filled in bulk, in table order. */
const COLUMNS = {
  sweeps: { id: "text", state: "text", reason: "text", record: "text" },
  trials: {
    sweep: "text",
    number: "integer",
    state: "text",
    reason: "text",
    value: "double",
    folds: "integer",
    parameters: "text",
    retry_of: "integer",
  },
  runs: { sweep: "text", trial: "integer", fold: "integer", state: "text", attempt: "integer", metrics: "text", result: "text" },
  points: { sweep: "text", trial: "integer", fold: "integer", epoch: "integer", name: "text", value: "double" },
} as const;
export type IndexTable = keyof typeof COLUMNS;

export interface IndexWriter {
  run(sql: string, values?: Cell[]): Promise<void>;
  /** Fills `staging_<table>`, a temporary copy of the table's columns, through DuckDB's appender: far faster than single inserts. */
  stage(table: IndexTable, rows: readonly Row[]): Promise<void>;
}

export interface IndexDatabase {
  /** False for a file made just now: it has to be rebuilt from the store first. */
  readonly filled: boolean;
  /** Runs `change` in a transaction; changes are serialised, a throw rolls back. */
  write<T>(change: (writer: IndexWriter) => Promise<T>): Promise<T>;
  query<T extends Row>(sql: string, values?: Cell[]): Promise<T[]>;
  close(): Promise<void>;
}

export async function openIndex(path: string): Promise<IndexDatabase> {
  let instance = await DuckDBInstance.create(path, { threads: "1" });
  if (!(await isCurrent(instance))) {
    // A file of another version is not worth a migration: the store has it all.
    instance.closeSync();
    await Promise.all([rm(path, { force: true }), rm(`${path}.wal`, { force: true })]);
    instance = await DuckDBInstance.create(path, { threads: "1" });
    const connection = await instance.connect();
    await connection.run(SCHEMA);
    connection.closeSync();
  }
  const writing = await instance.connect();
  const reading = await instance.connect();
  for (const table of Object.keys(COLUMNS)) await writing.run(`CREATE TEMP TABLE staging_${table} AS SELECT * FROM ${table} LIMIT 0`);
  const filled = (await rows(writing, "SELECT * FROM position")).length > 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    filled,
    write(change) {
      const next = last.then(() => inTransaction(writing, change));
      last = next.catch(() => undefined);
      return next;
    },
    query: (sql, values) => rows(reading, sql, values),
    async close() {
      await last;
      reading.closeSync();
      writing.closeSync();
      instance.closeSync();
    },
  };
}

async function isCurrent(instance: DuckDBInstance): Promise<boolean> {
  const connection = await instance.connect();
  const tables = await rows(connection, "SELECT table_name FROM information_schema.tables WHERE table_name = 'index_version'");
  const versions = tables.length === 0 ? [] : await rows<{ version: number }>(connection, "SELECT version FROM index_version");
  connection.closeSync();
  return versions[0]?.version === SCHEMA_VERSION;
}

async function rows<T extends Row>(connection: DuckDBConnection, sql: string, values?: Cell[]): Promise<T[]> {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowObjectsJS() as T[];
}

async function inTransaction<T>(connection: DuckDBConnection, change: (writer: IndexWriter) => Promise<T>): Promise<T> {
  await connection.run("BEGIN");
  try {
    const result = await change({
      run: async (sql, values) => void (await connection.run(sql, values)),
      async stage(table, added) {
        await connection.run(`DELETE FROM staging_${table}`);
        await appendRows(connection, table, added);
      },
    });
    await connection.run("COMMIT");
    return result;
  } catch (error) {
    await connection.run("ROLLBACK");
    throw error;
  }
}

async function appendRows(connection: DuckDBConnection, table: IndexTable, added: readonly Row[]): Promise<void> {
  const appender = await connection.createAppender(`staging_${table}`);
  const columns = Object.entries(COLUMNS[table]);
  for (const row of added) {
    for (const [name, kind] of columns) appendCell(appender, kind, row[name] ?? null);
    appender.endRow();
  }
  appender.closeSync();
}

function appendCell(appender: DuckDBAppender, kind: "text" | "integer" | "double", cell: Cell): void {
  if (cell === null) appender.appendNull();
  else if (kind === "text") appender.appendVarchar(String(cell));
  else if (kind === "integer") appender.appendInteger(Number(cell));
  else appender.appendDouble(Number(cell));
}
