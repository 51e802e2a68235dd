using System.Text;
using Jitvmm.Linux;
using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>A guest whose current directory is a fresh host directory beside one it must not reach.</summary>
public sealed class ViewFixture : IDisposable
{
    private const int ReadNumber = 0;
    private const int WriteNumber = 1;

    public ViewFixture(Func<ViewFixture, ViewOptions>? configure = null)
    {
        Base = Directory.CreateTempSubdirectory("jitvmm-test-").FullName;
        Work = Directory.CreateDirectory(Path.Combine(Base, "work")).FullName;
        Secret = Directory.CreateDirectory(Path.Combine(Base, "secret")).FullName;
        File.WriteAllText(Path.Combine(Secret, "key"), "secret");
        ViewOptions options = configure?.Invoke(this) ?? new ViewOptions();
        View = FileSystemView.Create(options with { WorkingDirectory = options.WorkingDirectory ?? Work });
        Files = new ProcessFiles(new FakeFacts(), View, 256);
    }

    /// <summary>Lies in the host's /tmp, which the guest does not see.</summary>
    public string Base { get; }

    public string Work { get; }

    public string Secret { get; }

    public FileSystemView View { get; }

    public ProcessFiles Files { get; }

    /// <summary>Opens relative to the current directory; a guest descriptor or a negated errno.</summary>
    public int Open(string path, int flags = 0, uint mode = 0x1b6)
    {
        OpenFile current = Files.AcquireCurrent();
        int result = OpenAt(current, path, flags, mode);
        current.Release();
        return result;
    }

    public int OpenAt(int directory, string path, int flags = 0, uint mode = 0x1b6)
    {
        OpenFile start = Files.Table.Acquire(directory)!;
        int result = OpenAt(start, path, flags, mode);
        start.Release();
        return result;
    }

    /// <summary>The file's text, or the name of the error.</summary>
    public string Read(string path) => Text(Open(path));

    /// <summary>Reads and closes a guest descriptor.</summary>
    public unsafe string Text(int fd)
    {
        if (fd < 0)
        {
            return Errno.NameOf(-fd);
        }

        OpenFile file = Files.Table.Acquire(fd)!;
        byte[] buffer = new byte[65536];
        long count;
        fixed (byte* to = buffer)
        {
            count = HostSyscall.Raw(ReadNumber, (ulong)file.HostFd, (ulong)to, (ulong)buffer.Length);
        }

        file.Release();
        Files.Table.Close(fd);
        return count < 0 ? Errno.NameOf((int)-count) : Encoding.UTF8.GetString(buffer, 0, (int)count);
    }

    public unsafe long Write(int fd, string text)
    {
        OpenFile file = Files.Table.Acquire(fd)!;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        long count;
        fixed (byte* from = bytes)
        {
            count = HostSyscall.Raw(WriteNumber, (ulong)file.HostFd, (ulong)from, (ulong)bytes.Length);
        }

        file.Release();
        return count;
    }

    public void Dispose()
    {
        Files.Table.CloseAll();
        View.Dispose();
        Directory.Delete(Base, recursive: true);
    }

    private int OpenAt(OpenFile start, string path, int flags, uint mode)
    {
        int error = Files.Open(start, Encoding.UTF8.GetBytes(path), flags, mode, null, out OpenFile? file);
        return error < 0 ? error : Files.Table.Install(file!, closeOnExec: false);
    }
}
