/// What a process tells about itself: a measure is declared once, and `/metrics` and `/health` are two views of it.
@NullMarked
package io.tidegrad.ops.measure;

import org.jspecify.annotations.NullMarked;
