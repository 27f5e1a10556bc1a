// What leaves the shared library: everything else is hidden.
#pragma once

#define GGUFMAP_API __attribute__((visibility("default")))
