namespace Jitvmm.Tests.Machines;

/// <summary>A folder for one test's files.</summary>
public sealed class ScratchFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("jitvmm-machine-").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
