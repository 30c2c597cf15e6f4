/* secret: compares digests, so that the time does not depend on the contents. */
#include "security/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "base/check.h"

void secret_wipe(void *p, size_t len)
{
	if (len > 0)
		OPENSSL_cleanse(p, len);
}

static void digest(struct str s, uint8_t out[EVP_MAX_MD_SIZE])
{
	check(EVP_Digest(s.p ? s.p : "", (size_t)s.len, out, NULL, EVP_sha256(), NULL) == 1);
}

bool secret_equal(struct str a, struct str b)
{
	uint8_t x[EVP_MAX_MD_SIZE], y[EVP_MAX_MD_SIZE];
	bool equal;

	digest(a, x);
	digest(b, y);
	equal = CRYPTO_memcmp(x, y, 32) == 0;
	secret_wipe(x, sizeof(x));
	secret_wipe(y, sizeof(y));
	return equal && a.p && b.p;
}
