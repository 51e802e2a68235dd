using Jitvmm.Linux.Files;

namespace Jitvmm.Linux;

/// <content>The process's files.</content>
public sealed partial class LinuxProcess
{
    private ProcessFiles? _files;

    /// <summary>Descriptors, current directory and view. Attached before the first guest instruction.</summary>
    public ProcessFiles Files => _files ?? throw new InvalidOperationException("The process has no files yet.");

    /// <summary>Gives the process its files; once.</summary>
    public void AttachFiles(ProcessFiles files) => _files = files;
}
