#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "base/clock.h"
#include "browse.h"

#define RESTORE_SIZE 256

/*
 * What the handlers of signals need, so it is all set before them: they call
 * only what is safe in a handler, and not curses.
 */
static struct {
	SCREEN *screen;
	FILE *keys; /* where keys come from */
	int fd;     /* the terminal for handlers; it does not block */
	bool color;
	struct termios old;         /* as it was */
	char restore[RESTORE_SIZE]; /* what makes the screen as it was */
	size_t restore_size;
	volatile sig_atomic_t shown; /* there is something to restore */
	sigset_t outside;            /* the signals that a wait blocks */
} term;

static volatile sig_atomic_t resized, stop_asked, continued;

/* Signals that end a process, and what they did before. */
static struct {
	int sig;
	struct sigaction old;
} deadly[] = {
    {.sig = SIGINT},
    {.sig = SIGTERM},
    {.sig = SIGHUP},
    {.sig = SIGQUIT},
    {.sig = SIGPIPE},
    {.sig = SIGALRM},
    {.sig = SIGUSR1},
    {.sig = SIGUSR2},
    {.sig = SIGSEGV},
    {.sig = SIGBUS},
    {.sig = SIGABRT},
    {.sig = SIGFPE},
    {.sig = SIGILL},
    {.sig = SIGXCPU},
    {.sig = SIGSYS},
};

#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

bool
terminal_is_screen(void)
{
	const char *name = getenv("TERM");

	return isatty(STDOUT_FILENO) && name != NULL && name[0] != '\0' &&
	    strcmp(name, "dumb") != 0;
}

/*
 * Restores the terminal; safe in a handler.  Output that was stopped (Ctrl-S)
 * goes on first, and what waits to be shown is dropped: it could be for ever in
 * the way.
 */
static void
restore(void)
{
	struct termios on = term.old;
	ssize_t n;

	if (!term.shown)
		return;
	term.shown = 0;
	on.c_iflag &= ~(tcflag_t)IXON;
	tcsetattr(term.fd, TCSANOW, &on);
	n = write(term.fd, term.restore, term.restore_size);
	(void)n; /* if the terminal is stuck, there is no more to do */
	tcsetattr(term.fd, TCSANOW, &term.old);
}

/* The signal does what it would have done without us. */
static void
die(int sig)
{
	const int error = errno;

	restore();
	for (size_t i = 0; i < DEADLY; i++)
		if (deadly[i].sig == sig)
			sigaction(sig, &deadly[i].old, NULL);
	kill(getpid(), sig); /* comes when the handler returns */
	errno = error;
}

static void
note(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGTSTP)
		stop_asked = 1;
	else if (sig == SIGCONT)
		continued = 1;
}

/* A signal that was ignored (nohup) stays ignored. */
static void
handle_deadly(void)
{
	struct sigaction sa = {.sa_handler = die};
	static char stack[65536];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};

	/* A crash may be that of the stack. */
	sigaltstack(&alt, NULL);
	sa.sa_flags = SA_ONSTACK;
	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < DEADLY; i++) {
		sigaction(deadly[i].sig, NULL, &deadly[i].old);
		if (deadly[i].old.sa_handler != SIG_IGN)
			sigaction(deadly[i].sig, &sa, NULL);
	}
}

/* They come only while we wait.  What was ignored stays ignored. */
static void
handle_notes(void)
{
	struct sigaction sa = {.sa_handler = note}, old;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, &term.outside);
	sigaction(SIGWINCH, &sa, NULL);
	sigaction(SIGCONT, &sa, NULL);
	if (sigaction(SIGTSTP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGTSTP, &sa, NULL);
}

/* Adds a string of terminfo without its padding, `$<5>`. */
static void
add_restore(const char *name)
{
	const char *s = tigetstr(name);

	if (s == NULL || s == (const char *)-1)
		return;
	while (*s != '\0' && term.restore_size < sizeof(term.restore)) {
		if (s[0] == '$' && s[1] == '<' && strchr(s, '>') != NULL)
			s = strchr(s, '>') + 1;
		else
			term.restore[term.restore_size++] = *s++;
	}
}

/* The last line is where the shell goes on, if there is no other screen. */
static void
prepare_restore(void)
{
	term.restore_size = 0;
	add_restore("sgr0");
	add_restore("cnorm");
	add_restore("rmkx");
	add_restore("rmcup");
	if (term.restore_size + 1 < sizeof(term.restore)) {
		term.restore[term.restore_size++] = '\r';
		if (tigetstr("rmcup") == NULL)
			term.restore[term.restore_size++] = '\n';
	}
}

/* The terminal by a description of our own, so that it can be non-blocking. */
static int
open_terminal(void)
{
	const char *name = ttyname(STDOUT_FILENO);

	return open(name != NULL ? name : "/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void
set_up_colors(void)
{
	static const short colors[] = {COLOR_RED, COLOR_YELLOW, COLOR_GREEN, COLOR_CYAN};
	const char *no = getenv("NO_COLOR");

	term.color = (no == NULL || no[0] == '\0') && has_colors();
	if (!term.color)
		return;
	start_color();
	use_default_colors();
	for (short i = 0; i < 4; i++)
		init_pair((short)(i + 1), colors[i], -1);
}

int
terminal_open(void)
{
	setlocale(LC_CTYPE, "");
	term.keys = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	if (term.keys == NULL)
		return -1;
	if ((term.fd = open_terminal()) == -1 || tcgetattr(term.fd, &term.old) == -1)
		return -1;
	/* Before curses has handlers of its own, which it then leaves. */
	handle_deadly();
	if ((term.screen = newterm(NULL, stdout, term.keys)) == NULL) {
		close(term.fd);
		errno = ENOTTY;
		return -1;
	}
	prepare_restore();
	term.shown = 1;
	handle_notes();
	set_up_colors();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	return 0;
}

void
terminal_close(void)
{
	if (term.screen == NULL)
		return;
	endwin();
	term.shown = 0;
	/* Curses does not know how it was if it came back from a stop. */
	tcsetattr(term.fd, TCSADRAIN, &term.old);
	close(term.fd);
	term.screen = NULL;
}

bool
terminal_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void
terminal_size(int *width, int *height)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
	    (size.ws_row != LINES || size.ws_col != COLS))
		resizeterm(size.ws_row, size.ws_col);
	*width = COLS > 0 ? COLS : 1;
	*height = LINES > 0 ? LINES : 1;
}

static attr_t
attributes(unsigned ink, short *pair)
{
	attr_t a = A_NORMAL;

	a |= ink & INK_BOLD ? A_BOLD : 0;
	a |= ink & INK_DIM ? A_DIM : 0;
	a |= ink & INK_REVERSE ? A_REVERSE : 0;
	*pair = 0;
	if (term.color)
		*pair = ink & INK_RED  ? 1
		    : ink & INK_YELLOW ? 2
		    : ink & INK_GREEN  ? 3
		    : ink & INK_CYAN   ? 4
				       : 0;
	return a;
}

/*
 * Curses sends only what has changed.  Characters that are not ASCII get their
 * place one by one: should the terminal think that one is wider than we do,
 * only that one is out of place.
 */
static void
show_line(const struct grid *g, int y)
{
	const struct cell *c = &g->cell[y * g->width];
	bool placed = false;
	short pair;

	for (int x = 0; x < g->width; x++) {
		if (c[x].text[0] == '\0')
			continue;
		if (!placed)
			move(y, x);
		if (!placed || c[x].ink != c[x - 1].ink) {
			attr_t a = attributes(c[x].ink, &pair);

			attr_set(a, pair, NULL);
		}
		addstr(c[x].text);
		placed = c[x].text[1] == '\0';
	}
}

/* Curses ignores SIGTSTP while it draws, and would drop one that waits. */
static void
note_waiting_signals(void)
{
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, &term.outside, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

void
terminal_show(const struct grid *g)
{
	for (int y = 0; y < g->height && y < LINES; y++)
		show_line(g, y);
	note_waiting_signals();
	refresh();
}

/* Gives the terminal back until the process goes on. */
static void
stop(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL}, old;
	sigset_t set;

	endwin();
	tcsetattr(term.fd, TCSADRAIN, &term.old);
	term.shown = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaction(SIGTSTP, &sa, &old);
	kill(getpid(), SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* Stopped here. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTSTP, &old, NULL);
	continued = 1;
}

/* The shell may have changed the terminal, and what it shows. */
static void
come_back(void)
{
	term.shown = 1;
	reset_prog_mode();
	clearok(stdscr, TRUE);
	refresh();
}

/* What the handlers have noted; true: there is something to draw. */
static bool
take_notes(void)
{
	bool draw = resized || continued;

	if (stop_asked) {
		stop_asked = 0;
		stop();
	}
	if (continued) {
		continued = 0;
		come_back();
		draw = true;
	}
	resized = 0;
	return draw;
}

enum terminal_event
terminal_wait(int64_t deadline)
{
	struct pollfd fd = {.fd = fileno(term.keys), .events = POLLIN};
	struct timespec left;
	int n;

	for (;;) {
		if (take_notes())
			return TERMINAL_REDRAW;
		n = ppoll(&fd, 1, clock_left(deadline, &left), &term.outside);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			return TERMINAL_TIME;
		return n == -1 || (fd.revents & (POLLHUP | POLLERR | POLLNVAL)) ? TERMINAL_GONE
										: TERMINAL_KEY;
	}
}

int
terminal_key(void)
{
	static const struct {
		int curses, press;
	} keys[] = {
	    {KEY_UP, PRESS_UP},
	    {KEY_DOWN, PRESS_DOWN},
	    {KEY_PPAGE, PRESS_PAGE_UP},
	    {KEY_NPAGE, PRESS_PAGE_DOWN},
	    {KEY_HOME, PRESS_HOME},
	    {KEY_END, PRESS_END},
	    {KEY_LEFT, PRESS_LEFT},
	    {KEY_RIGHT, PRESS_RIGHT},
	    {KEY_BACKSPACE, PRESS_BACKSPACE},
	    {KEY_ENTER, '\n'},
	};
	int key;

	while ((key = getch()) != ERR) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (key == keys[i].curses)
				return keys[i].press;
		if (key >= 0 && key < 0x80)
			return key;
	}
	return PRESS_NONE;
}
