// Text is UTF-8, whatever the user's locale.
#pragma once

#include <locale.h>

namespace ggufmap::cli {

/// While it lives, libraries that this thread calls take text for UTF-8.
class Utf8Locale {
public:
    Utf8Locale() = default;
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;
    ~Utf8Locale() {
        ::uselocale(before_);
        if (utf8_ != nullptr) ::freelocale(utf8_);
    }

private:
    locale_t utf8_ = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    locale_t before_ = ::uselocale(utf8_);  // of nothing: changes nothing
};

}  // namespace ggufmap::cli
