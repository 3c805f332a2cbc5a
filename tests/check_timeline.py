#!/usr/bin/env python3
"""Checks a timeline without this program: leaves, tree, every seal's root, order. Standard library only.

usage: check_timeline.py timeline.jsonl [N ROOT]     exit 0: consistent, and N events have this root
With `openssl` at hand the last seal's Ed25519 signature is checked too.
"""
import base64, hashlib, json, os, subprocess, sys, tempfile

def h(b): return hashlib.sha256(b).digest()

def push(stack, n, leaf):
    while n & 1:
        leaf = h(b"\x01" + stack.pop() + leaf)
        n >>= 1
    stack.append(leaf)

def root(stack):
    r = stack[-1]
    for left in reversed(stack[:-1]): r = h(b"\x01" + left + r)
    return r

def main(path, size=None, wanted=None):
    stack, n, heads, last, first = [], 0, {}, None, None
    for line in open(path, "rb"):
        assert line.endswith(b"\n"), "torn last line"
        line = line[:-1]
        if line.startswith(b'{"seal":'):
            last = json.loads(line)["seal"]
            assert last["n"] == n and base64.b64decode(last["root"]) == root(stack), f"seal of {last['n']}"
            heads[n] = last["root"]
            continue
        event = json.loads(line)
        canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert canonical.replace(b"\x7f", b"\\u007f") == line.replace(b"\x7f", b"\\u007f"), f"form of {n}"
        assert event["seq"] == n, f"order at {n}"
        first = first or event
        push(stack, n, h(b"\x00" + line))
        n += 1
    assert last and last["n"] == n, "lines without a seal"
    if size: assert heads.get(int(size)) == wanted, "another history"
    key, origin = base64.b64decode(first["data"]["hub_key"]), first["data"]["log"]
    note = f"{origin}\n{n}\n{last['root']}\n".encode()
    sig = base64.b64decode(last["sig"])
    assert sig[:4] == h(origin.encode() + b"\n\x01" + key)[:4], "key id"
    with tempfile.TemporaryDirectory() as d:
        put = lambda name, data: open(os.path.join(d, name), "wb").write(data)
        put("key", bytes.fromhex("302a300506032b6570032100") + key), put("note", note), put("sig", sig[4:])
        try: ok = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key",
                                  "-rawin", "-in", "note", "-sigfile", "sig"], cwd=d, capture_output=True).returncode == 0
        except FileNotFoundError: ok = None
    assert ok is not False, "signature"
    print(f"{n} events, root {last['root']}, signature {'good' if ok else 'not checked'}")

try: main(*sys.argv[1:])
except AssertionError as e: sys.exit(f"does not verify: {e}")
