"""An issuer of tokens for compat/oauth/run: GET /keys and POST /token over TLS, with Python's own library and openssl.

issuer.py DIR CERTIFICATE: listens on a port that it writes to DIR/port. What it does is said by files of DIR, looked at with each request: `keys` has the
names of the keys that are published, `signer` the one that signs, `claims` members that are laid over those of a token of alice, `broken` a status for all;
while `silent` is there no token is given out and nothing said.
Each request is a line of DIR/asked.
"""
import base64
import json
import os
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR, CERTIFICATE = sys.argv[1:]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def say(name, otherwise=""):
    try:
        with open(os.path.join(DIR, name)) as f:
            return f.read().strip()
    except FileNotFoundError:
        return otherwise


def openssl(*words, data=b""):
    return subprocess.run(("openssl",) + words, input=data, stdout=subprocess.PIPE, check=True).stdout


def key(name):
    modulus = openssl("rsa", "-in", os.path.join(DIR, name + ".pem"), "-noout", "-modulus").decode().strip().split("=")[1]
    return {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}


def token(subject):
    now = int(time.time())
    claims = {"sub": subject, "iss": "https://issuer/", "aud": "kafka", "iat": now, "exp": now + 600}
    if subject == "alice":  # the nodes go on meanwhile
        claims.update(json.loads(say("claims", "{}")))
    claims = {k: (now + int(v[1:]) if isinstance(v, str) and v.startswith("@") else v) for k, v in claims.items()}
    name = say("signer")
    signed = b64(json.dumps({"alg": "RS256", "kid": name}).encode()) + "." + b64(json.dumps(claims).encode())
    pem = os.path.join(DIR, name + ".pem")
    return signed + "." + b64(openssl("dgst", "-sha256", "-sign", pem, data=signed.encode()))


class Issuer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *words):
        pass

    def note(self, what):
        with open(os.path.join(DIR, "asked"), "a") as f:
            f.write(f"{self.command} {self.path} {what}\n")

    def answer(self, status, body):
        self.note(status)
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if say("broken"):
            self.answer(int(say("broken")), {})
        elif self.path == "/keys":
            self.answer(200, {"keys": [key(name) for name in say("keys").split()]})
        else:
            self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind, _, both = self.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(both).decode().partition(":") if kind == "Basic" else ("", "", "")
        if say("silent"):
            self.note("silent")
        while say("silent"):
            time.sleep(0.1)
        if say("broken"):
            self.answer(int(say("broken")), {})
        elif self.path != "/token" or not body.startswith("grant_type=client_credentials"):
            self.answer(400, {"error": "invalid_request"})
        elif secret != "of-" + name:
            self.answer(401, {"error": "invalid_client"})
        else:
            self.answer(200, {"access_token": token(name), "token_type": "Bearer", "expires_in": 600})


server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)  # with the first read, in a thread
with open(os.path.join(DIR, "port.new"), "w") as f:
    f.write(str(server.server_address[1]))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
