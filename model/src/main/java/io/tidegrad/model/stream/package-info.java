/// A stream: its spec, and the examples that it consists of, which models learn from.
@NullMarked
package io.tidegrad.model.stream;

import org.jspecify.annotations.NullMarked;
