"""The vectors of Wycheproof that apply here, given to the peer: a line "ok ..." or "not ok ..." for each file. vectors.py PEER DIR..."""
import glob
import json
import os
import subprocess
import sys

peer = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
files = {os.path.basename(p): p for d in sys.argv[2:] for p in glob.glob(os.path.join(d, "**", "*_test.json"), recursive=True)}


def ask(*words):
    print(*(w or "-" for w in words), file=peer.stdin, flush=True)
    said = peer.stdout.readline().strip()
    if not said:  # no answer is empty
        sys.exit(f"the peer does not answer {words[0]} {words[1]}")
    return said


def run(name, judge):
    if name not in files:
        print(f"not ok {name}: it is not there")
        return
    n = skipped = 0
    wrong = []
    with open(files[name]) as f:
        groups = json.load(f)["testGroups"]
    for group in groups:
        for test in group["tests"]:
            said = judge(group, test)
            n += 1
            if said is None:
                skipped += 1
            elif said != (test["result"] == "valid") and test["result"] != "acceptable":
                wrong.append(f"{test['tcId']} ({test['comment']}: {test['result']})")
    what = f"{name}: {n - skipped} of {n} vectors"
    print(f"not ok {what}: {', '.join(wrong)}" if wrong or skipped == n else f"ok {what}")


def signature(alg):
    def judge(group, test):
        jwk = dict(group.get("publicKeyJwk") or group.get("keyJwk") or {})
        if not jwk:
            return None
        jwk.pop("alg", None)  # some say EdDSA's or another one's
        said = ask("jws", alg, json.dumps(jwk).encode().hex(), test["msg"], test["sig"])
        return None if said == "none" else said == "good"

    return judge


def mac(bits):
    def judge(group, test):
        said = ask("hmac", bits, test["key"], test["msg"])
        return None if said == "none" else len(said) == int(bits) // 4 and said[: len(test["tag"])] == test["tag"] != ""

    return judge


def pbkdf2(bits):
    def judge(group, test):
        said = ask("pbkdf2", bits, test["password"], test["salt"], str(test["iterationCount"]))
        n = min(len(said), len(test["dk"]))  # the first block is all that is asked for here
        return len(said) == int(bits) // 4 and n > 0 and said[:n] == test["dk"][:n]

    return judge


for bits in ("2048", "3072", "4096"):
    for sha in ("256", "384", "512"):
        run(f"rsa_signature_{bits}_sha{sha}_test.json", signature("RS" + sha))
for name, alg in (  # salts as long as the digest: RFC 7518, 3.5
    ("2048_sha256_mgf1_32", "PS256"),
    ("3072_sha256_mgf1_32", "PS256"),
    ("4096_sha256_mgf1_32", "PS256"),
    ("2048_sha384_mgf1_48", "PS384"),
    ("4096_sha384_mgf1_48", "PS384"),
    ("4096_sha512_mgf1_64", "PS512"),
):
    run(f"rsa_pss_{name}_test.json", signature(alg))
for curve, sha, alg in (("256", "256", "ES256"), ("384", "384", "ES384"), ("521", "512", "ES512")):
    run(f"ecdsa_secp{curve}r1_sha{sha}_p1363_test.json", signature(alg))
run("ed25519_test.json", signature("EdDSA"))
run("ed448_test.json", signature("EdDSA"))
for bits in ("256", "512"):
    run(f"hmac_sha{bits}_test.json", mac(bits))
    run(f"pbkdf2_hmacsha{bits}_test.json", pbkdf2(bits))
said = ask("xaes", "10000")
right = said == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
print(f"{'ok' if right else 'not ok'} XAES-256-GCM: C2SP's accumulated vector of 10000 seals")
