/// What commands do with the lines that libraries log.
@NullMarked
package io.tidegrad.schemas.logging;

import org.jspecify.annotations.NullMarked;
