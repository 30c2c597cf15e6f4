"""Commands of the system."""
import subprocess
import time


class CommandFailed(Exception):
    pass


def run(*words, text=None):
    """Runs a command to its end and returns what it printed; raises with all that it said when it fails."""
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def works(*words):
    try:
        run(*words)
    except (CommandFailed, OSError):
        return False
    return True


def wait_for(seconds, what, look):
    """Looks until there is something to see, and returns it; raises TimeoutError when the time is over."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)  # between two looks
