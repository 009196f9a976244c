# Activate the virtual environment:  eval (slurp < bin/activate.elv)
# The command "deactivate" takes back everything that is done here. It is known to the
# command line; a script has to fetch it:
#     eval &on-end={|ns| set deactivate~ = $ns[deactivate~] } (slurp < bin/activate.elv)

try {
  nop < __VENV_DIR__/pyvenv.cfg
} catch {
  fail 'activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR'
}

# Leave the environment that is active in this very shell. A completer of the command is
# the one thing of ours that can be found again. Without a command line, there is no "edit:".
try {
  eval &ns=(ns [&]) '$edit:completion:arg-completer[deactivate]'
} catch { nop }

var names = [PATH PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT]
var undo = [(each {|name|
  if (has-env $name) { var old = (get-env $name); put { set-env $name $old } } else { put { unset-env $name } }
} $names)]
fn deactivate {|@_| each {|action| $action } $undo; set undo = [] }

set-env VIRTUAL_ENV __VENV_DIR__
set-env VIRTUAL_ENV_PROMPT __VENV_BARE_PROMPT__
unset-env PYTHONHOME
# The directory of the scripts comes first on PATH, and nowhere else.
var scripts = (get-env VIRTUAL_ENV)/__VENV_BIN_NAME__
var others = [(if (and (has-env PATH) (not-eq (get-env PATH) '')) {
  each {|other| if (not-eq $other $scripts) { put $other } } $paths
})]
set paths = [$scripts $@others]

try {
  eval &ns=(ns [&deactivate~=$deactivate~ &at-leave~={|action| set undo = [$@undo $action] }]) '
    edit:add-var deactivate~ $deactivate~
    set edit:completion:arg-completer[deactivate] = $deactivate~
    at-leave { del edit:completion:arg-completer[deactivate] }
    if (eq $E:VIRTUAL_ENV_DISABLE_PROMPT "") {
      var old = $edit:prompt
      at-leave { set edit:prompt = $old }
      set edit:prompt = { put "("(get-env VIRTUAL_ENV_PROMPT)") "; $old }
    }'
} catch { nop }
