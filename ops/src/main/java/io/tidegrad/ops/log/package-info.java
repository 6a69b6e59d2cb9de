/// What commands do with the lines that libraries log.
@NullMarked
package io.tidegrad.ops.log;

import org.jspecify.annotations.NullMarked;
