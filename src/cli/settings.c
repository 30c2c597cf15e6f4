/* settings: reads the file and the environment, and logs the notes. */
#include "cli/settings.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "env/env.h"

#define FILE_MAX (8 << 20)
#define ARENA_MAX (64 << 10)

extern char **environ;

int settings_read(struct env *env, const char *file, const char *const *overrides, struct config **out,
		  struct config_notes *notes)
{
	struct config_input in = {
		.file_name = str_of(file),
		.environment = (const char *const *)environ,
		.overrides = overrides,
	};
	struct arena arena;
	char *text = NULL;
	size_t len = 0;
	int err = file ? env_read_file(env, file, FILE_MAX, &text, &len) : 0;

	if (err)
		return err;
	arena_init(&arena, ARENA_MAX);
	in.data_dir = config_data_dir(in.environment, &arena);
	in.file_text = (struct str){text, (int32_t)len};
	err = config_load(&in, out, notes);
	xfree(text);
	arena_fini(&arena);
	return err;
}

static void tell(struct diag *diag, const struct config_note *note)
{
	enum diag_level level = note->level == CONFIG_NOTE_WARN ? DIAG_WARN : DIAG_ERROR;
	struct str place = str_is_null(note->place) ? STR("configuration") : note->place;

	diag_line(diag, level, level == DIAG_WARN ? "setting" : "setting refused", "place=%.*s text=\"%.*s\"",
		  STR_ARG(place), STR_ARG(note->text));
}

struct config *settings_load(struct env *env, const char *file, const char *const *overrides)
{
	struct config_notes notes = {.n = 0};
	struct config *c = NULL;
	int err = settings_read(env, file, overrides, &c, &notes);

	if (err < 0)
		diag_error(env->diag, "configuration cannot be read", "file=%s error=\"%s\"", file, err_name(err));
	for (int i = 0; i < notes.n; i++)
		tell(env->diag, &notes.v[i]);
	if (err >= 0)
		config_notes_fini(&notes);
	return c;
}
