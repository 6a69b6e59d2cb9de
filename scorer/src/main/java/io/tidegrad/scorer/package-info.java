@NullMarked
package io.tidegrad.scorer;

import org.jspecify.annotations.NullMarked;
