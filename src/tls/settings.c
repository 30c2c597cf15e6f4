/* settings: the names of the settings. */
#include "tls/tls.h"

static const char *const names[TLS_SETTINGS] = {
	[TLS_PROTOCOL] = "ssl.protocol",
	[TLS_ENABLED_PROTOCOLS] = "ssl.enabled.protocols",
	[TLS_CIPHER_SUITES] = "ssl.cipher.suites",
	[TLS_KEYSTORE_TYPE] = "ssl.keystore.type",
	[TLS_KEYSTORE_LOCATION] = "ssl.keystore.location",
	[TLS_KEYSTORE_PASSWORD] = "ssl.keystore.password",
	[TLS_KEY_PASSWORD] = "ssl.key.password",
	[TLS_KEYSTORE_KEY] = "ssl.keystore.key",
	[TLS_KEYSTORE_CERTIFICATE_CHAIN] = "ssl.keystore.certificate.chain",
	[TLS_TRUSTSTORE_TYPE] = "ssl.truststore.type",
	[TLS_TRUSTSTORE_LOCATION] = "ssl.truststore.location",
	[TLS_TRUSTSTORE_PASSWORD] = "ssl.truststore.password",
	[TLS_TRUSTSTORE_CERTIFICATES] = "ssl.truststore.certificates",
	[TLS_CLIENT_AUTH] = "ssl.client.auth",
	[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM] = "ssl.endpoint.identification.algorithm",
};

const char *tls_setting_name(enum tls_setting s)
{
	return names[s];
}

enum tls_setting tls_setting_find(struct str name)
{
	for (int i = 0; i < TLS_SETTINGS; i++)
		if (str_is(name, names[i]))
			return (enum tls_setting)i;
	return TLS_SETTINGS;
}
