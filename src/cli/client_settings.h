/* client_settings: the settings of Kafka's clients, and their effect here (client_settings.tbl). */
#ifndef ODRADEK_CLI_CLIENT_SETTINGS_H
#define ODRADEK_CLI_CLIENT_SETTINGS_H

enum client_kind {
	CLIENT_ADMIN = 1,
	CLIENT_CONSUMER = 2,
	CLIENT_PRODUCER = 4,
	CLIENT_ALL = CLIENT_ADMIN | CLIENT_CONSUMER | CLIENT_PRODUCER,
};

enum client_setting_effect { SERVED, NEEDLESS, NO_EFFECT, NO_SUCH_SETTING };

/* The effect in clients of these kinds. */
enum client_setting_effect client_setting_effect(const char *name, unsigned kinds);

#endif
