// Runs a program with a scratch folder of its own and 512 MB of memory, and nothing else of the host to write to:
//   DOTNET_EnableWriteXorExecute=0 dotnet run -c Release --project src/samples/RunProgram -- /bin/sh -c 'pwd; ls /'
using System.Text;
using Jitvmm;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: RunProgram PROG [ARGS...]");
    return 2;
}

string scratch = Directory.CreateTempSubdirectory("sample-").FullName;
try
{
    new ProcessGuest(new ProcessGuestOptions
    {
        Program = args[0],
        Arguments = [.. args.Select(Encoding.UTF8.GetBytes)],
        Environment = ["PATH=/usr/bin:/bin"u8.ToArray(), "HOME=/scratch"u8.ToArray()],
        Binds = [new BindMount(scratch, "/scratch")],
        MemoryLimit = 512 << 20,
    }).Run();
    return 0;
}
catch (ProcessGuestException error)
{
    // Only a program that never started comes back.
    Console.Error.WriteLine(error.Message);
    return error.ExitCode;
}
