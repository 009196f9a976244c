# Source this file to activate the virtual environment:  source bin/activate.csh
# The command "deactivate" takes back everything that is done here.
#
# For tcsh and csh. ":q" is the one way to use a value as it is. Empty quotes before a
# command pass by the user's alias of it, and so does a one-line "if".

# With these, quotes would mean something else below.
if ($?backslash_quote) then
    ''set _OLD_VIRTUAL_BACKSLASH_QUOTE
    ''unset backslash_quote
endif
if ($?histchars) then
    ''set _OLD_VIRTUAL_HISTCHARS = $histchars:q
    ''unset histchars
endif

# Leave the environment that is active in this very shell, whatever has activated it.
if ($?_OLD_VIRTUAL_PATH) then
    deactivate nondestructive
endif
alias deactivate 'if ($?_OLD_VIRTUAL_UNDO) eval '\''""eval $_OLD_VIRTUAL_UNDO:q'\''; ""rehash; if ("\!:*" != nondestructive) unalias deactivate'

# The commands that restore what is here now.
''set _OLD_VIRTUAL_UNDO = '""unsetenv VIRTUAL_ENV; ""unsetenv VIRTUAL_ENV_PROMPT;'
if ($?PATH) then
    ''set _OLD_VIRTUAL_PATH = $PATH:q
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""setenv PATH $_OLD_VIRTUAL_PATH:q;'
else
    # The list is what counts to csh itself. (No empty quotes go with parentheses.)
    ''set _OLD_VIRTUAL_PATH = ''
    if (1) set _OLD_VIRTUAL_LIST = ($path:q)
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'if (1) set path = ($_OLD_VIRTUAL_LIST:q); ""unsetenv PATH;'
endif
if ($?PYTHONHOME) then
    ''set _OLD_VIRTUAL_PYTHONHOME = $PYTHONHOME:q
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""setenv PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME:q;'
    ''unsetenv PYTHONHOME
endif
if ($?VIRTUAL_ENV) then
    ''set _OLD_VIRTUAL_ENV = $VIRTUAL_ENV:q
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""setenv VIRTUAL_ENV $_OLD_VIRTUAL_ENV:q;'
endif
if ($?VIRTUAL_ENV_PROMPT) then
    ''set _OLD_VIRTUAL_ENV_PROMPT = $VIRTUAL_ENV_PROMPT:q
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""setenv VIRTUAL_ENV_PROMPT $_OLD_VIRTUAL_ENV_PROMPT:q;'
endif
if ($?prompt && ! $?VIRTUAL_ENV_DISABLE_PROMPT) then
    ''set _OLD_VIRTUAL_PROMPT = $prompt:q
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""set prompt = $_OLD_VIRTUAL_PROMPT:q;'
    if ($?tcsh) then
        ''set prompt = "("__VENV_TCSH_PROMPT__") "$prompt:q
    else
        ''set prompt = "("__VENV_CSH_PROMPT__") "$prompt:q
    endif
endif
''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""unset _OLD_VIRTUAL_{UNDO,PATH,PYTHONHOME,ENV,ENV_PROMPT,PROMPT,LIST,NEW_PATH,FOLDER}'

''setenv VIRTUAL_ENV __VENV_DIR__
''setenv VIRTUAL_ENV_PROMPT __VENV_BARE_PROMPT__
# The folder of the scripts comes first on PATH, and nowhere else.
''set _OLD_VIRTUAL_NEW_PATH = __VENV_DIR__/__VENV_BIN_NAME__
if ($?PATH) then
    foreach _OLD_VIRTUAL_FOLDER ($path:q)
        if (X$_OLD_VIRTUAL_FOLDER:q != X__VENV_DIR__/__VENV_BIN_NAME__) then
            ''set _OLD_VIRTUAL_NEW_PATH = $_OLD_VIRTUAL_NEW_PATH:q":"$_OLD_VIRTUAL_FOLDER:q
        endif
    end
endif
''setenv PATH $_OLD_VIRTUAL_NEW_PATH:q
''rehash

if ($?_OLD_VIRTUAL_HISTCHARS) then
    ''set histchars = $_OLD_VIRTUAL_HISTCHARS:q
    ''unset _OLD_VIRTUAL_HISTCHARS
endif
if ($?_OLD_VIRTUAL_BACKSLASH_QUOTE) then
    ''set backslash_quote
    ''unset _OLD_VIRTUAL_BACKSLASH_QUOTE
endif
