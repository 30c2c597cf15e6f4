# Certificates under $CERTS: an authority, and what it has signed. Sourced after compat.sh. The file $CERTS/names is what a certificate is for.

# certificate NAME AUTHORITY SUBJECT: NAME.key, NAME.crt, and both in NAME.pem
certificate() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CERTS/$1.key" -out "$CERTS/$1.csr" -subj "$3" 2>/dev/null &&
		openssl x509 -req -in "$CERTS/$1.csr" -CA "$CERTS/$2.crt" -CAkey "$CERTS/$2.key" -CAcreateserial -extfile "$CERTS/names" \
			-days 30 -out "$CERTS/$1.crt" 2>/dev/null && cat "$CERTS/$1.key" "$CERTS/$1.crt" >"$CERTS/$1.pem"
}

authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CERTS/$1.key" -out "$CERTS/$1.crt" -subj "/CN=$1" -days 30 2>/dev/null
}

# expired NAME AUTHORITY: a certificate whose days are over
expired() {
	certificate "$1" "$2" "/O=Odradek/CN=$1" &&
		openssl x509 -req -in "$CERTS/$1.csr" -CA "$CERTS/$2.crt" -CAkey "$CERTS/$2.key" -CAcreateserial -days -1 -out "$CERTS/$1.crt" 2>/dev/null &&
		cat "$CERTS/$1.key" "$CERTS/$1.crt" >"$CERTS/$1.pem"
}
