// Node's basic-ftp over TLS: a tree up and down, and all else it can do.
// Arguments: host, port, user, password, CA file, implicit or explicit, TLS version, folder there,
// and a folder here with "tree" in it; "back" is made beside it.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Writable, Readable } = require("node:stream");
const { Client, FTPError } = require("basic-ftp");

const [host, port, user, password, ca, kind, version, there, here] = process.argv.slice(2);

async function text(client, name, startAt = 0) {
  const pieces = [];
  const sink = new Writable({ write: (piece, _, next) => next(null, pieces.push(piece)) });
  await client.downloadTo(sink, name, startAt);
  return Buffer.concat(pieces).toString();
}

async function refused(promise, code) {
  await assert.rejects(promise, (error) => error instanceof FTPError && error.code === code);
}

async function tree(client) {
  await client.uploadFromDir(path.join(here, "tree"), `${there}/tree`);
  await client.downloadToDir(path.join(here, "back"), `${there}/tree`);
}

async function files(client) {
  await client.ensureDir(`${there}/a/b c/d`);
  assert.equal(await client.pwd(), `${there}/a/b c/d`);
  await client.uploadFrom(Readable.from(["one\n"]), "some");
  await client.appendFrom(Readable.from(["two\n"]), "some");
  assert.equal(await client.size("some"), 8);
  assert.equal(await text(client, "some"), "one\ntwo\n");
  assert.equal(await text(client, "some", 4), "two\n");
  await client.send("MFMT 20010203040506 some");
  const modified = new Date(Date.UTC(2001, 1, 3, 4, 5, 6));
  assert.deepEqual(await client.lastMod("some"), modified);
  await client.send("SITE CHMOD 640 some");
  const [found, ...others] = await client.list();
  assert.deepEqual(others, []);
  assert.equal(found.name, "some");
  assert.equal(found.size, 8);
  assert.ok(found.isFile);
  assert.deepEqual(found.modifiedAt, modified);
  assert.deepEqual(found.permissions, { user: 6, group: 4, world: 0 });
  await client.rename("some", "../moved");
  await client.cdup();
  assert.deepEqual((await client.list()).map((each) => each.name).sort(), ["d", "moved"]);
  await refused(client.size("missing"), 550);
  await refused(client.removeEmptyDir("/"), 550);
  client.availableListCommands = ["LIST -a", "LIST"];
  const [moved] = (await client.list()).filter((each) => each.name === "moved");
  assert.equal(moved.size, 8);
  await client.remove("moved");
  await client.cd("/");
  await client.removeDir(`${there}/a`);
  await refused(client.cd(`${there}/a`), 550);
}

async function main() {
  const client = new Client(60_000);
  const secure = kind === "implicit" ? "implicit" : true;
  const limits = { minVersion: version, maxVersion: version };
  const secureOptions = { ca: fs.readFileSync(ca), ...limits };
  await client.access({ host, port: Number(port), user, password, secure, secureOptions });
  assert.equal(client.ftp.socket.getProtocol(), version);
  const features = await client.features();
  assert.ok(["MLST", "MFMT", "UTF8", "SIZE", "MDTM"].every((each) => features.has(each)));
  await tree(client);
  await files(client);
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
