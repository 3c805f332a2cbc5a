#!/usr/bin/env python3
"""Checks a timeline without this program: leaves, tree, every seal's root, order. Standard library only.

usage: check_timeline.py timeline.jsonl [N ROOT]     exit 0: consistent, and N events have this root
A record that went on after a disk failed has more files, timeline.seg1.jsonl and so on; they are found beside the first.
With `openssl` at hand the last seal's Ed25519 signature is checked too, and each key's word for the one after it.
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

def signed(key, text, sig):
    with tempfile.TemporaryDirectory() as d:
        put = lambda name, data: open(os.path.join(d, name), "wb").write(data)
        put("key", bytes.fromhex("302a300506032b6570032100") + key), put("note", text.encode()), put("sig", sig)
        try: return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key",
                                    "-rawin", "-in", "note", "-sigfile", "sig"], cwd=d, capture_output=True).returncode == 0
        except FileNotFoundError: return None

def segments(path):
    k, base = 0, path[:-len(".jsonl")]
    while os.path.exists(path):
        yield k, path
        k += 1
        path = f"{base}.seg{k}.jsonl"

def unbase64(text):
    # The module's own reader skips foreign characters, and so takes many texts for the same bytes.
    try: read = base64.b64decode(text, validate=True)
    except ValueError: read = b""
    assert base64.b64encode(read).decode() == text, "base64 that is not canonical"
    return read

def main(path, size=None, wanted=None):
    stack, n, heads, last, key, origin = [], 0, {}, None, None, None
    for k, part in segments(path):
        begins = True
        for line in open(part, "rb"):
            assert line.endswith(b"\n"), "torn last line"
            line = line[:-1]
            if line.startswith(b'{"seal":'):
                last = json.loads(line)["seal"]
                assert last["n"] == n and unbase64(last["root"]) == root(stack), f"seal of {last['n']}"
                heads[n] = last["root"]
                continue
            event = json.loads(line)
            canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            assert canonical.replace(b"\x7f", b"\\u007f") == line.replace(b"\x7f", b"\\u007f"), f"form of {n}"
            assert event["seq"] == n, f"order at {n}"
            assert (event["kind"] == "record.continued") == (begins and k > 0), f"a segment begins wrongly at {n}"
            data = event["data"]
            if k and begins:
                after, base = data["after"], origin.rsplit("/seg", 1)[0] if k > 1 else origin
                assert (after["n"], after["root"]) == (n, last["root"]) and last["n"] == n, f"what {n} follows"
                assert data["log"] == f"{base}/seg{k}", f"name at {n}"
                text = f"backout continuation v1\nlog: {origin}\nhead: {n} {last['root']}\nnext: {data['log']}\nkey: {data['hub_key']}\n"
                assert signed(key, text, unbase64(data["proof"])) is not False, f"who may follow at {n}"
            if begins: key, origin = unbase64(data["hub_key"]), data["log"]
            begins = False
            push(stack, n, h(b"\x00" + line))
            n += 1
        assert last and last["n"] == n and not begins, "lines without a seal, or a file without lines"
    if size: assert heads.get(int(size)) == wanted, "another history"
    sig = unbase64(last["sig"])
    assert sig[:4] == h(origin.encode() + b"\n\x01" + key)[:4], "key id"
    ok = signed(key, f"{origin}\n{n}\n{last['root']}\n", sig[4:])
    assert ok is not False, "signature"
    print(f"{n} events, root {last['root']}, signature {'good' if ok else 'not checked'}")

try: main(*sys.argv[1:])
except AssertionError as e: sys.exit(f"does not verify: {e}")
