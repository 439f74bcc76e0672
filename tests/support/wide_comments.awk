# Reports each comment that reaches beyond column 80, and exits with 1 if there
# is one.  In C files the end of a comment counts, wherever it began; in scripts
# each line that is a comment.  To be run in the C locale.

FNR == 1 {
	inside = 0
}

{
	line = expand($0)
	end = FILENAME ~ /\.[ch]$/ ? comment_end(line) : line ~ /^ *# / ? length(line) : 0
	if (end > 80) {
		print FILENAME ":" FNR ": comment wider than 80 columns"
		found = 1
	}
}

END {
	exit found
}

# The line as it is seen: tabs go to multiples of 8, a UTF-8 character is one.
function expand(line,	at) {
	while ((at = index(line, "\t")) > 0)
		line = substr(line, 1, at - 1) substr("        ", 1 + (at - 1) % 8) substr(line, at + 1)
	gsub(/[\200-\277]/, "", line)
	return line
}

# The column where the last comment of a line of C ends.  String and character
# literals are passed over; `inside` is kept from one line to the next.
function comment_end(line,	next_token, at, end, token) {
	next_token = "\"([^\"\\\\]|\\\\.)*\"|'([^'\\\\]|\\\\.)*'|//|/[*]"
	at = end = 0
	while (match(substr(line, at + 1), inside ? "[*]/" : next_token)) {
		token = substr(line, at + RSTART, RLENGTH)
		if (token == "//")
			return length(line)
		at += RSTART + RLENGTH - 1
		if (inside)
			end = at
		inside = token == "/*"
	}
	return inside ? length(line) : end
}
