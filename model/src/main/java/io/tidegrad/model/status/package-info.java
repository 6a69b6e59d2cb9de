/// What processes tell of themselves on the status topic.
@NullMarked
package io.tidegrad.model.status;

import org.jspecify.annotations.NullMarked;
