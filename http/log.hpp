// Lines for the operator: the log on stderr and what the program itself says, written without ever waiting.
#pragma once

#include <string>

namespace troupe::http {

/// Opens /dev/null in place of those of stdin, stdout and stderr that are closed: the next file that
/// is opened would get their number, and with it all that is printed. To be called before anything else
/// opens a file. False if /dev/null cannot be opened.
bool open_standard_streams();

/// Writes a line, which has no newline at its end, to a descriptor, now or not at all: false if whoever
/// reads there is gone, does not keep up, or the disk is full. More than 4,095 bytes (PIPE_BUF, which a
/// pipe takes at once) are cut. From any thread.
bool write_line(int descriptor, std::string line);

/// Has all of the process log to stderr from this level on (error, warning, info or debug). Lines that cannot
/// be written are lost; how many were is said once lines can be written again.
void set_up_log(const std::string& level);

/// Has it log from another level on. From any thread.
void set_log_level(const std::string& level);

}  // namespace troupe::http
