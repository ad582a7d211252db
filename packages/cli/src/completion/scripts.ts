/** The scripts by which shells ask `legation` itself what can stand at the end of a command line. */

/** The shells. */
export type Shell = "bash" | "zsh" | "fish";

/** What `legation completion candidates` writes for files: the shell knows them better. */
export const directives = { file: ":file", directory: ":directory" } as const;

/** Each script, and how to make a shell read it at its start. */
export const scripts: Readonly<Record<Shell, { readonly text: string; readonly install: string }>> = {
  bash: {
    install: "echo 'source <(legation completion bash)' >> ~/.bashrc",
    text: `# Completion of legation for bash; read it with: source <(legation completion bash)
_legation() {
  local word about
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    case $word in
      ${directives.file}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
      ${directives.directory}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
      *) COMPREPLY+=("$word") ;;
    esac
  done < <("$1" completion candidates -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _legation legation
`,
  },
  zsh: {
    install: `echo 'source <(legation completion zsh)' >> ~/.zshrc`,
    text: `#compdef legation
# Completion of legation for zsh; read it with: source <(legation completion zsh), after compinit
_legation() {
  local line
  local -a shown
  for line in "\${(@f)$("\${words[1]}" completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      ${directives.file}) _files ;;
      ${directives.directory}) _files -/ ;;
      *) shown+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( $#shown )) && _describe -t legation legation shown
}
if [[ $funcstack[1] == _legation ]]; then _legation "$@"; else compdef _legation legation; fi
`,
  },
  fish: {
    install: "legation completion fish > ~/.config/fish/completions/legation.fish",
    text: `# Completion of legation for fish; put it into ~/.config/fish/completions/legation.fish
function __legation_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion candidates -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case '${directives.file}'
                __fish_complete_path "$current"
            case '${directives.directory}'
                __fish_complete_directories "$current" ''
            case '*'
                echo $line
        end
    end
end
complete -c legation -f -a '(__legation_candidates)'
`,
  },
};
