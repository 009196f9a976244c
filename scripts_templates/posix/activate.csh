# Source this file to activate the virtual environment:  source bin/activate.csh
# It is for tcsh and csh. The command "deactivate" takes back everything that is done here.
#
# ":q" is the one way to use a value as it is, and not even that holds where csh takes a list
# of words, as "foreach" does. Empty quotes before a command bypass the user's alias of it,
# and so does a one-line "if".

# With these, quotes would mean something else below.
if ($?backslash_quote) then
    ''set _OLD_VIRTUAL_BACKSLASH_QUOTE
    ''unset backslash_quote
endif
if ($?histchars) then
    ''set _OLD_VIRTUAL_HISTCHARS = $histchars:q
    ''unset histchars
endif

# No value in a block that may be skipped: csh looks for the block's end line by line then,
# and a value may well hold a line "endif".
''set _OLD_VIRTUAL_NEW_CONFIG = __VENV_DIR__/pyvenv.cfg
''set _OLD_VIRTUAL_NEW_ENV = __VENV_DIR__
''set _OLD_VIRTUAL_NEW_BIN = __VENV_DIR__/__VENV_BIN_NAME__
''set _OLD_VIRTUAL_NEW_NAME = __VENV_BARE_PROMPT__
''set _OLD_VIRTUAL_NEW_PROMPT = "("__VENV_CSH_PROMPT__") "
''set _OLD_VIRTUAL_NEW_TCSH_PROMPT = "("__VENV_TCSH_PROMPT__") "

if (! -e $_OLD_VIRTUAL_NEW_CONFIG:q) then
    # csh has no way to write to stderr itself.
    ''echo 'activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR' >>! /dev/stderr
    ''set _OLD_VIRTUAL_REFUSED
else
    # Leave the environment that is active in this very shell, whatever has activated it.
    if ($?_OLD_VIRTUAL_PATH) then
        deactivate nondestructive
    endif

    # To deactivate is to run the commands saved below, if there are any, and to remove the alias.
    ''set _OLD_VIRTUAL_ALIAS = 'if ($?_OLD_VIRTUAL_UNDO) eval '\''""eval $_OLD_VIRTUAL_UNDO:q'\''; '
    ''set _OLD_VIRTUAL_ALIAS = $_OLD_VIRTUAL_ALIAS:q'""rehash; '
    ''set _OLD_VIRTUAL_ALIAS = $_OLD_VIRTUAL_ALIAS:q'if ("\!:*" != nondestructive) unalias deactivate'
    ''alias deactivate $_OLD_VIRTUAL_ALIAS:q
    ''unset _OLD_VIRTUAL_ALIAS

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
            ''set prompt = $_OLD_VIRTUAL_NEW_TCSH_PROMPT:q$prompt:q
        else
            ''set prompt = $_OLD_VIRTUAL_NEW_PROMPT:q$prompt:q
        endif
    endif
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""unset _OLD_VIRTUAL_{PATH,LIST,PYTHONHOME,ENV,ENV_PROMPT,PROMPT};'
    ''set _OLD_VIRTUAL_UNDO = $_OLD_VIRTUAL_UNDO:q'""unset _OLD_VIRTUAL_UNDO'

    ''setenv VIRTUAL_ENV $_OLD_VIRTUAL_NEW_ENV:q
    ''setenv VIRTUAL_ENV_PROMPT $_OLD_VIRTUAL_NEW_NAME:q
    # The directory of the scripts comes first on PATH, and nowhere else.
    ''set _OLD_VIRTUAL_NEW_PATH = $_OLD_VIRTUAL_NEW_BIN:q
    if ($?PATH) then
        ''set _OLD_VIRTUAL_INDEX = 1
        while ($_OLD_VIRTUAL_INDEX <= $#path)
            if (X$path[$_OLD_VIRTUAL_INDEX]:q != X$_OLD_VIRTUAL_NEW_BIN:q) then
                ''set _OLD_VIRTUAL_NEW_PATH = $_OLD_VIRTUAL_NEW_PATH:q":"$path[$_OLD_VIRTUAL_INDEX]:q
            endif
            @ _OLD_VIRTUAL_INDEX++
        end
        ''unset _OLD_VIRTUAL_INDEX
    endif
    ''setenv PATH $_OLD_VIRTUAL_NEW_PATH:q
    ''unset _OLD_VIRTUAL_NEW_PATH
    ''rehash
endif
''unset _OLD_VIRTUAL_NEW_{CONFIG,ENV,BIN,NAME,PROMPT,TCSH_PROMPT}

if ($?_OLD_VIRTUAL_HISTCHARS) then
    ''set histchars = $_OLD_VIRTUAL_HISTCHARS:q
    ''unset _OLD_VIRTUAL_HISTCHARS
endif
if ($?_OLD_VIRTUAL_BACKSLASH_QUOTE) then
    ''set backslash_quote
    ''unset _OLD_VIRTUAL_BACKSLASH_QUOTE
endif
if ($?_OLD_VIRTUAL_REFUSED) then
    # It ends this file, not the shell.
    ''unset _OLD_VIRTUAL_REFUSED
    ''exit 1
endif
