# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# all.sh - loads the library; it holds functions only, and nothing runs here

# shellcheck source-path=SCRIPTDIR/lib source-path=SCRIPTDIR/../lib source-path=SCRIPTDIR/commands/lib
pen_lib=${BASH_SOURCE[0]%/*}
# shellcheck source=log.sh
. "$pen_lib/log.sh"
# shellcheck source=undo.sh
. "$pen_lib/undo.sh"
# shellcheck source=sandbox.sh
. "$pen_lib/sandbox.sh"
# shellcheck source=state.sh
. "$pen_lib/state.sh"
# shellcheck source=config.sh
. "$pen_lib/config.sh"
# shellcheck source=proxy.sh
. "$pen_lib/proxy.sh"
# shellcheck source=firewall.sh
. "$pen_lib/firewall.sh"
# shellcheck source=guard.sh
. "$pen_lib/guard.sh"
# shellcheck source=policy.sh
. "$pen_lib/policy.sh"
# shellcheck source=presets.sh
. "$pen_lib/presets.sh"
# shellcheck source=project.sh
. "$pen_lib/project.sh"
# shellcheck source=egress.sh
. "$pen_lib/egress.sh"
# shellcheck source=context.sh
. "$pen_lib/context.sh"
# shellcheck source=image.sh
. "$pen_lib/image.sh"
# shellcheck source=life.sh
. "$pen_lib/life.sh"
# shellcheck source=command.sh
. "$pen_lib/command.sh"
