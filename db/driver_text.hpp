// What libpq says, as text: put on one line, without passwords, and taken for a code where it has none.
#pragma once

#include <string>
#include <string_view>

#include "db/error.hpp"

namespace troupe::db {

/// Each run of blanks and newlines as one blank, none at the end.
std::string one_line(std::string_view text);

/// Without the places in PostgreSQL's source that PQERRORS_VERBOSE adds, each a line.
std::string without_location(std::string text);

/// With *** for each occurrence of the secret, which may be empty; of one of less than four letters, where it
/// stands for a word.
std::string hide(std::string text, std::string_view secret);

/// Why a connection could not be made: one of the codes that db::public_reason() has words for, or
/// unavailable. libpq has no code for it, only PQerrorMessage(), here with PQERRORS_VERBOSE for the SQLSTATE,
/// and in English, as this program sets no locale. Of several servers, what the last that said something
/// said.
errc why_not_connected(std::string_view message);

}  // namespace troupe::db
