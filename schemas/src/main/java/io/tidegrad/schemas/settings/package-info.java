/// What a user may set, told and read the same way by every command.
@NullMarked
package io.tidegrad.schemas.settings;

import org.jspecify.annotations.NullMarked;
