@NullMarked
package io.tidegrad.model.status;

import org.jspecify.annotations.NullMarked;
